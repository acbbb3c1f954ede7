"""The plumbing of HTTP that every dialect stands on: it knows no vendor and no points."""
