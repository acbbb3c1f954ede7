"""Omnisend: events of members, by its Events API."""
