"""Klaviyo: events of members, by its Events API."""
