"""The words and the rules of loyalty: frozen values and pure functions, no I/O."""
