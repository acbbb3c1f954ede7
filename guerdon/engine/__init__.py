"""What the product does: one function per act, and the only place that opens a write."""
