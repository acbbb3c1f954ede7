"""Rewards and earning rules that stand for themselves."""

import msgspec

from guerdon.domain.ids import MerchantId, TemplateId
from guerdon.domain.template import Template
from guerdon.store.connection import Connection
from guerdon.store.statements import statements

_SQL = statements("templates")
_decode = msgspec.json.Decoder(Template).decode


async def put_template(tx: Connection, merchant_id: MerchantId, template: Template) -> None:
    """Add, change or delete a template; its own times are kept."""
    await tx.execute(
        _SQL["put_template"],
        merchant_id,
        template.id,
        "rule" if template.reward is None else "reward",
        template.name,
        template.status,
        msgspec.json.encode(template).decode(),
        template.created_at,
        template.updated_at,
    )


async def list_templates(tx: Connection, merchant_id: MerchantId) -> dict[TemplateId, Template]:
    """List the templates that are not deleted, by id."""
    rows = await tx.fetch(_SQL["list_templates"], merchant_id)
    templates = [_decode(row[0]) for row in rows]
    return {template.id: template for template in templates}


async def find_template(
    tx: Connection, merchant_id: MerchantId, template_id: TemplateId
) -> Template | None:
    """Find a template that is not deleted."""
    row = await tx.fetchrow(_SQL["find_template"], merchant_id, template_id)
    return None if row is None else _decode(row[0])
