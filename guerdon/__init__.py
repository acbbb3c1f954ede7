"""Guerdon: a self-hosted loyalty engine. Points buy rewards, exactly once."""

__version__ = "0.1.0"
