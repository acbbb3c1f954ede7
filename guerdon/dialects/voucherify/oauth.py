"""Bearer tokens: made with a pair of application keys, looked at, revoked."""

from typing import get_args
from urllib.parse import parse_qsl

from guerdon.dialects.voucherify.auth import is_token
from guerdon.dialects.voucherify.call import Call, OAuthScope
from guerdon.dialects.voucherify.problems import Fault, error_answer, refuse, unauthorized
from guerdon.dialects.voucherify.wire_oauth import DeadToken, LiveToken, Token
from guerdon.engine.granting import LIFE, TOKENS_MAX, grant_token, inspect_token, revoke_token
from guerdon.http.asgi import Answer
from guerdon.http.call import answer

SCOPES = ("api", *get_args(OAuthScope))


async def make_token(call: Call) -> Answer:
    """Make a token that may do what the pair of keys may, for a quarter of an hour."""
    form = _form(call)
    if form.get("grant_type") != "client_credentials":
        raise refuse(
            400,
            "invalid_grant_type",
            "Invalid grant type",
            "Property .grant_type must be client_credentials",
        )
    scopes = tuple(dict.fromkeys(form.get("scope", "").split())) or ("api",)
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown:
        raise refuse(
            400,
            "invalid_scope",
            "Invalid scope",
            f"There is no scope {unknown[0]} here; there are {', '.join(SCOPES)}",
        )
    granted = await grant_token(call.ledger.runtime, call.key, scopes)
    if granted is None:
        raise refuse(
            403,
            "oauth_tokens_limit_exceeded",
            "Too many tokens",
            f"There are {TOKENS_MAX} live tokens; revoke some, or wait for them to expire",
        )
    token = Token(
        access_token=granted.token,
        client_id=_client_of(call),
        expires_at=int(granted.expires_at.timestamp()),
        expires_in=int(LIFE.total_seconds()),
        scope=" ".join(scopes),
    )
    return answer(200, token, headers=((b"cache-control", b"no-store"),))


async def inspect(call: Call) -> Answer:
    """Tell what a token may do, and until when; of a token that has ended, that it has."""
    text = _token_of(call)
    runtime = call.ledger.runtime
    found = await inspect_token(runtime, call.merchant_id, text)
    if found is None:
        return answer(200, DeadToken())
    assert found.key.app_id is not None, "tokens are made with a pair"
    left = found.expires_at - runtime.now()
    live = LiveToken(
        access_token=text,
        client_id=found.key.app_id,
        expires_at=int(found.expires_at.timestamp()),
        expires_in=max(0, int(left.total_seconds())),
        scope=" ".join(found.scopes),
    )
    return answer(200, live)


async def revoke(call: Call) -> Answer:
    """End a token before its time."""
    if not await revoke_token(call.ledger.runtime, call.merchant_id, _token_of(call)):
        raise refuse(404, "not_found", "Resource not found", "Cannot find this access token")
    return Answer(204)


def _form(call: Call) -> dict[str, str]:
    """Read the form; tokens are no credential for it."""
    if is_token(call.key):
        raise Fault(unauthorized())
    try:
        return dict(parse_qsl(call.body.decode(), keep_blank_values=True))
    except UnicodeDecodeError:
        raise Fault(
            error_answer(400, "invalid_payload", "Invalid payload", "Payload is not UTF-8")
        ) from None


def _token_of(call: Call) -> str:
    text = _form(call).get("access_token", "")
    if not text:
        raise refuse(
            400,
            "missing_parameters",
            "Missing parameters",
            "Payload must have required property 'access_token'",
        )
    return text


def _client_of(call: Call) -> str:
    assert call.key.app_id is not None, "the door lets no pair in without its public half"
    return call.key.app_id
