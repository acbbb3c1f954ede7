"""Bearer tokens."""

from guerdon.dialects.voucherify.call import Route

ROUTES: tuple[Route, ...] = ()
