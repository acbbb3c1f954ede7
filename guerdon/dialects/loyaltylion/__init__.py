"""LoyaltyLion, Admin API v2."""
