"""Postscript: events of members, by its custom events."""
