"""Shopify: discounts, gift cards, store credit, customers and metafields of a merchant's shop."""
