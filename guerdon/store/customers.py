"""Customers: whom the shop has told of, be they members or not."""

from collections.abc import Collection, Iterable

import msgspec

from guerdon.domain.customer import Customer, join_name
from guerdon.domain.ids import MerchantId, ProgramId
from guerdon.store.connection import Connection, Record
from guerdon.store.statements import statements

_SQL = statements("customers")


async def list_customers(
    view: Connection, merchant_id: MerchantId, external_ids: list[str]
) -> list[Customer]:
    """List the customers of whom something was stated, by the shop's own ids."""
    rows = await view.fetch(_SQL["list_customers"], merchant_id, external_ids)
    return [_customer_of(row) for row in rows]


async def list_shoppers(
    view: Connection,
    merchant_id: MerchantId,
    program_ids: Iterable[ProgramId],
    external_ids: Collection[str],
) -> dict[str, Customer]:
    """List whom the shop knows by these ids: stated as customers, or members of these programs.

    Whom nothing was stated of is shown as they are known as the first of their members."""
    asked = list(external_ids)
    found = {
        customer.external_id: customer
        for customer in await list_customers(view, merchant_id, asked)
    }
    rest = [external_id for external_id in asked if external_id not in found]
    if rest:
        members = await list_members_of_customers(view, merchant_id, list(program_ids), rest)
        for member in members:
            found.setdefault(member.external_id, member)
    return found


async def list_members_of_customers(
    view: Connection, merchant_id: MerchantId, program_ids: list[ProgramId], external_ids: list[str]
) -> list[Customer]:
    """List members by the shop's own ids, as customers of whom nothing was stated."""
    sql = _SQL["list_members_of_customers"]
    rows = await view.fetch(sql, merchant_id, program_ids, external_ids)
    return [_customer_of_member(row) for row in rows]


async def find_shopper(
    view: Connection,
    merchant_id: MerchantId,
    program_ids: Iterable[ProgramId],
    external_id: str,
) -> Customer | None:
    """Find whom the shop knows by an id: a customer, or a member of one of these programs."""
    found = await list_shoppers(view, merchant_id, program_ids, [external_id])
    return found.get(external_id)


async def lock_customer(
    tx: Connection, merchant_id: MerchantId, external_id: str
) -> Customer | None:
    """Lock what was stated of a customer until the commit."""
    row = await tx.fetchrow(_SQL["lock_customer"], merchant_id, external_id)
    return None if row is None else _customer_of(row)


async def insert_customer(tx: Connection, merchant_id: MerchantId, customer: Customer) -> None:
    """Add a customer; one already there under the shop's id refuses this by its constraint."""
    await tx.execute(
        _SQL["insert_customer"],
        merchant_id,
        customer.id,
        customer.external_id,
        customer.email,
        customer.name,
        customer.phone,
        customer.description,
        customer.document,
        customer.metadata,
        customer.created_at,
        customer.updated_at,
    )


async def update_customer(tx: Connection, merchant_id: MerchantId, customer: Customer) -> None:
    """Change what was stated of a customer; their own `updated_at` is written."""
    await tx.execute(
        _SQL["update_customer"],
        merchant_id,
        customer.id,
        customer.email,
        customer.name,
        customer.phone,
        customer.description,
        customer.document,
        customer.metadata,
        customer.updated_at,
    )


async def delete_customers(tx: Connection, merchant_id: MerchantId, external_id: str) -> None:
    """Forget what was stated of a customer."""
    await tx.execute(_SQL["delete_customers"], merchant_id, external_id)


async def delete_all_customers(tx: Connection, merchant_id: MerchantId) -> None:
    """Forget every customer of whom something was stated."""
    await tx.execute(_SQL["delete_all_customers"], merchant_id)


def _customer_of(row: Record) -> Customer:
    return Customer(
        id=row["id"],
        external_id=row["external_id"],
        email=row["email"],
        name=row["name"],
        phone=row["phone"],
        description=row["description"],
        document=row["document"],
        metadata=row["metadata"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _customer_of_member(row: Record) -> Customer:
    birthday = row["birthday"]
    document = {} if birthday is None else {"birthdate": birthday.isoformat()}
    return Customer(
        id=None,
        external_id=row["external_id"],
        email=row["email"],
        name=join_name(row["first_name"], row["last_name"]),
        document=msgspec.json.encode(document).decode(),
        created_at=row["created_at"],
    )
