"""Mage Loyalty, REST API v1."""
