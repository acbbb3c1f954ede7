"""Purchases of rewards, their refunds, and the transactions of cards."""

from guerdon.dialects.voucherify.call import Route

ROUTES: tuple[Route, ...] = ()
