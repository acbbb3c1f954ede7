"""Plays the outside world on loopback: Shopify, the marketing tools, a receiver of webhooks."""
