"""Customers, members, memberships, cards, their points and buckets."""

from guerdon.dialects.voucherify.call import Route

ROUTES: tuple[Route, ...] = ()
