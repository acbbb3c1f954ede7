"""Checks the keys, webhooks and integrations of a program file."""

from collections.abc import Iterator

from guerdon.adapters.webhooks.standard import EVENTS, signing_key
from guerdon.cli.checking import Checks
from guerdon.cli.program_file import (
    IntegrationsPart,
    KeyPart,
    KlaviyoPart,
    OmnisendPart,
    PostscriptPart,
    WebhookPart,
)
from guerdon.dialects.loyaltylion.announcing import EVENTS as LOYALTYLION_EVENTS
from guerdon.dialects.mage.wire_webhooks import EVENTS as MAGE_EVENTS
from guerdon.domain.blueprint import (
    WantedIntegration,
    WantedKey,
    WantedWebhook,
    WebhookDialect,
)
from guerdon.domain.integration import IntegrationKind
from guerdon.domain.webhook_url import find_url_problem
from guerdon.engine.keying import SECRET_LENGTH_MIN

# What can be subscribed to.
_EVENTS: dict[WebhookDialect, tuple[str, ...]] = {
    "mage": MAGE_EVENTS,
    "loyaltylion": LOYALTYLION_EVENTS,
    "guerdon": EVENTS,
}


def _choose_program(
    checks: Checks, path: str, part: KeyPart | WebhookPart, slugs: list[str]
) -> str | None:
    """Give the program that a key or a webhook is for. A Voucherify application spans all of them,
    and so may a webhook in our own form; elsewhere the only program need not be named."""
    if part.program is None:
        if part.dialect in {"voucherify", "guerdon"}:
            return None
        if len(slugs) == 1:
            return slugs[0]
        checks.refuse(f"{path}.program", f"missing; there are {len(slugs)} programs")
    elif part.program not in slugs:
        checks.refuse(f"{path}.program", f"no program {part.program!r}")
    return part.program


def wanted_key(checks: Checks, path: str, part: KeyPart, slugs: list[str]) -> WantedKey:
    program = _choose_program(checks, path, part, slugs)
    app_id = part.app_id
    if part.app_id_env is not None:
        if app_id is not None:
            checks.refuse(f"{path}.app_id_env", "app_id is there too; give one of them")
        app_id = checks.secret(f"{path}.app_id_env", part.app_id_env)
    if part.dialect == "voucherify" and app_id is None:
        checks.refuse(f"{path}.app_id_env", "missing; a voucherify key has an application id")
    elif part.dialect != "voucherify" and app_id is not None:
        checks.refuse(f"{path}.app_id", "only a voucherify key has one")
    if part.scopes and part.dialect != "loyaltylion":
        checks.refuse(f"{path}.scopes", "only a loyaltylion key has them; use access")
    return WantedKey(
        name=part.name,
        dialect=part.dialect,
        program=program,
        access=part.access,
        scopes=part.scopes,
        app_id=app_id,
        secret=checks.secret(f"{path}.secret_env", part.secret_env, SECRET_LENGTH_MIN),
    )


def wanted_integrations(checks: Checks, parts: IntegrationsPart) -> tuple[WantedIntegration, ...]:
    wanted = []
    if parts.shopify is not None:
        part, path = parts.shopify, "integrations.shopify"
        checks.url(f"{path}.base_url", part.base_url)
        definition = {"shop": part.shop, "api_version": part.api_version, "base_url": part.base_url}
        secrets = {"token": checks.secret(f"{path}.token_env", part.token_env)}
        wanted.append(WantedIntegration(kind="shopify", definition=definition, secrets=secrets))
    for kind, each, settings in _marketing(parts):
        path = f"integrations.{kind}"
        checks.url(f"{path}.base_url", each.base_url)
        secrets = {"key": checks.secret(f"{path}.key_env", each.key_env)}
        definition = {"base_url": each.base_url, **settings}
        wanted.append(WantedIntegration(kind=kind, definition=definition, secrets=secrets))
    return tuple(wanted)


def _marketing(
    parts: IntegrationsPart,
) -> Iterator[
    tuple[IntegrationKind, KlaviyoPart | OmnisendPart | PostscriptPart, dict[str, str | None]]
]:
    """Give the marketing platforms there are, each with the settings that are its own."""
    if parts.klaviyo is not None:
        yield "klaviyo", parts.klaviyo, {"revision": parts.klaviyo.revision}
    if parts.omnisend is not None:
        yield (
            "omnisend",
            parts.omnisend,
            {
                "generation": parts.omnisend.generation,
                "retry_uncertain": _yes(parts.omnisend.retry_uncertain),
            },
        )
    if parts.postscript is not None:
        settings = {"retry_uncertain": _yes(parts.postscript.retry_uncertain)}
        yield "postscript", parts.postscript, settings


def _yes(is_so: bool) -> str | None:
    return "true" if is_so else None


def wanted_webhook(checks: Checks, path: str, part: WebhookPart, slugs: list[str]) -> WantedWebhook:
    problem = find_url_problem(part.url, checks.url_rules)
    if problem is not None:
        checks.refuse(f"{path}.url", f"it {problem}")
    for index, event in enumerate(part.events):
        if event not in _EVENTS[part.dialect]:
            checks.refuse(f"{path}.events[{index}]", f"no event {event!r}")
    if len(set(part.events)) != len(part.events):
        checks.refuse(f"{path}.events", "an event is there twice")
    return WantedWebhook(
        url=part.url,
        dialect=part.dialect,
        program=_choose_program(checks, path, part, slugs),
        events=part.events,
        description=part.description,
        is_active=part.is_active,
        secret=_webhook_secret(checks, f"{path}.secret_env", part),
    )


def _webhook_secret(checks: Checks, path: str, part: WebhookPart) -> str:
    secret = checks.secret(path, part.secret_env)
    if part.dialect == "guerdon" and secret:
        try:
            signing_key(secret)
        except ValueError as error:
            checks.refuse(path, f"{part.secret_env}: {error}")
    return secret
