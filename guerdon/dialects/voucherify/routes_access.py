"""Bearer tokens."""

from guerdon.dialects.voucherify import oauth, wire_oauth
from guerdon.dialects.voucherify.call import Route
from guerdon.http.openapi import Form

_NOTES = "Takes a form, and a pair of application keys alone."

ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/v1/oauth/token",
        handler=oauth.make_token,
        summary="Make a bearer token that may do what a pair of keys may",
        body=Form(wire_oauth.GrantForm),
        answers={200: wire_oauth.Token},
        refuses=(413, 415),
        changes=False,
        more_notes=_NOTES,
    ),
    Route(
        method="POST",
        path="/v1/oauth/introspect",
        handler=oauth.inspect,
        summary="Show what a bearer token may do",
        body=Form(wire_oauth.TokenForm),
        answers={200: (wire_oauth.LiveToken, wire_oauth.DeadToken)},
        refuses=(413, 415),
        changes=False,
        more_notes=_NOTES,
    ),
    Route(
        method="POST",
        path="/v1/oauth/token/revoke",
        handler=oauth.revoke,
        summary="End a bearer token before its time",
        body=Form(wire_oauth.TokenForm),
        answers={204: None},
        refuses=(404, 413, 415),
        changes=False,
        more_notes=_NOTES,
    ),
)
