"""Checks the keys, webhooks and integrations of a program file."""

import re
from collections.abc import Iterator, Sequence

from guerdon.adapters.webhooks.standard import EVENTS, signing_key
from guerdon.cli.checking import Checks
from guerdon.cli.program_file import (
    EndpointPart,
    IntegrationsPart,
    KeyPart,
    KlaviyoPart,
    OmnisendPart,
    PostscriptPart,
    ShopifyPart,
    WebhookPart,
)
from guerdon.dialects.loyaltylion.announcing import EVENTS as LOYALTYLION_EVENTS
from guerdon.dialects.loyaltylion.scopes import SCOPES
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

_APP_ID = re.compile(r"[!-~]{1,255}")
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
    if part.dialect == "voucherify" and program is not None:
        checks.refuse(f"{path}.program", "a voucherify key opens all programs; leave it out")
    app_id = part.app_id
    if part.app_id_env is not None:
        if app_id is not None:
            checks.refuse(f"{path}.app_id_env", "app_id is there too; give one of them")
        app_id = checks.secret(f"{path}.app_id_env", part.app_id_env)
    if part.dialect == "voucherify" and app_id is None:
        checks.refuse(f"{path}.app_id_env", "missing; a voucherify key has an application id")
    elif part.dialect == "voucherify" and find_app_id_problem(app_id) is not None:
        checks.refuse(f"{path}.app_id", f"it {find_app_id_problem(app_id)}")
    elif part.dialect == "mage" and app_id is not None:
        checks.refuse(f"{path}.app_id", "a mage key has none")
    problem = find_scopes_problem(part.dialect, part.scopes, has_app_id=app_id is not None)
    if problem is not None:
        checks.refuse(f"{path}.scopes", problem)
    return WantedKey(
        name=part.name,
        dialect=part.dialect,
        program=program,
        access=part.access,
        scopes=part.scopes,
        app_id=app_id,
        secret=checks.secret(f"{path}.secret_env", part.secret_env, SECRET_LENGTH_MIN),
    )


def find_app_id_problem(app_id: str | None) -> str | None:
    """Say why a text cannot be sent in a header as an application's id; None where it can."""
    if not app_id or not _APP_ID.fullmatch(app_id):
        return "has to be 1 to 255 visible ASCII characters"
    return None


def find_scopes_problem(dialect: str, scopes: Sequence[str], *, has_app_id: bool) -> str | None:
    """Say what is wrong with the scopes of a key; None where nothing is."""
    if dialect != "loyaltylion":
        return "only a loyaltylion key has them; use access" if scopes else None
    if has_app_id:
        return "a token and secret may do everything; leave them out" if scopes else None
    known: tuple[str, ...] = SCOPES
    if not scopes:
        return f"missing; name some of {', '.join(known)}"
    for scope in scopes:
        if scope not in known:
            return f"no scope {scope!r}; there are {', '.join(known)}"
    return None


def wanted_integrations(checks: Checks, parts: IntegrationsPart) -> tuple[WantedIntegration, ...]:
    wanted = []
    if parts.shopify is not None:
        wanted.append(_shopify(checks, "integrations.shopify", parts.shopify))
    if parts.endpoint is not None:
        wanted.append(_endpoint(checks, "integrations.endpoint", parts.endpoint))
    for kind, each, settings in _marketing(parts):
        path = f"integrations.{kind}"
        checks.url(f"{path}.base_url", each.base_url)
        secrets = {"key": checks.secret(f"{path}.key_env", each.key_env)}
        definition = {"base_url": each.base_url, **settings}
        wanted.append(WantedIntegration(kind=kind, definition=definition, secrets=secrets))
    return tuple(wanted)


def _shopify(checks: Checks, path: str, part: ShopifyPart) -> WantedIntegration:
    """Want a shop, reached in exactly one way; what of the ways is lacking or too much is said."""
    checks.url(f"{path}.base_url", part.base_url)
    client = {"client_id": part.client_id_env, "client_secret": part.client_secret_env}
    variables: dict[str, str | None] = {
        "token": part.token_env,
        **client,
        "webhook_secret": part.webhook_secret_env,
        "webhook_secret_previous": part.webhook_secret_previous_env,
    }
    if part.token_env is not None and any(client.values()):
        checks.refuse(f"{path}.token_env", "a client id is there too; give one way of access")
    elif part.token_env is None:
        for name, variable in client.items():
            if variable is None:
                lacking = "missing; give a token, or a client id and its secret"
                checks.refuse(f"{path}.{name}_env", lacking)
    secrets = {
        name: checks.secret(f"{path}.{name}_env", variable)
        for name, variable in variables.items()
        if variable is not None
    }
    definition = {
        "shop": part.shop.lower(),
        "api_version": part.api_version,
        "base_url": part.base_url,
        "store_credit": _yes(part.store_credit),
    }
    return WantedIntegration(kind="shopify", definition=definition, secrets=secrets)


def _endpoint(checks: Checks, path: str, part: EndpointPart) -> WantedIntegration:
    problem = find_url_problem(part.url, checks.url_rules)
    if problem is not None:
        checks.refuse(f"{path}.url", f"it {problem}")
    definition: dict[str, str | None] = {"url": part.url}
    if part.form == "guerdon":
        secret = _signing_secret(checks, f"{path}.secret_env", part.secret_env)
    else:
        definition["form"] = part.form
        secret = checks.secret(f"{path}.secret_env", part.secret_env)
    return WantedIntegration(kind="endpoint", definition=definition, secrets={"secret": secret})


def _signing_secret(checks: Checks, path: str, variable: str) -> str:
    secret = checks.secret(path, variable)
    if secret:
        try:
            signing_key(secret)
        except ValueError as error:
            checks.refuse(path, f"{variable}: {error}")
    return secret


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
    if part.dialect == "guerdon":
        return _signing_secret(checks, path, part.secret_env)
    return checks.secret(path, part.secret_env)
