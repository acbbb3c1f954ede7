"""Shopify, as far as Guerdon uses it."""
