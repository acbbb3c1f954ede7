"""Platforms we talk to, one folder each."""
