"""Who calls, and for which site."""

from guerdon.dialects.loyaltylion.auth import is_pair, scopes_of
from guerdon.dialects.loyaltylion.call import Call, answer
from guerdon.dialects.loyaltylion.wire_identity import Identity
from guerdon.http.asgi import Answer


async def whoami(call: Call) -> Answer:
    """Say which key this is and what it may do. A merchant is an account."""
    identity = Identity(
        kind="token_secret" if is_pair(call.key) else "api_key",
        account_id=call.merchant_id,
        program_id=call.program_id,
        scopes=list(scopes_of(call.key)),
        integration=None,
    )
    return answer(200, identity)
