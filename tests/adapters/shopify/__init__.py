"""The Shopify adapter, against the sandbox's Shopify behind a real server."""
