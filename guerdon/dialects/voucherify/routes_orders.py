"""Orders, events, paying with points, and what a customer could earn or buy."""

from guerdon.dialects.voucherify.call import Route

ROUTES: tuple[Route, ...] = ()
