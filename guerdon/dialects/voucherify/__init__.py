"""Voucherify's loyalty API, v2 and what of v1 belongs to redeeming, spoken by our engine."""
