"""The older API: campaigns, loyalty cards, rewards, redemptions."""

from guerdon.dialects.voucherify.call import Route

ROUTES: tuple[Route, ...] = ()
