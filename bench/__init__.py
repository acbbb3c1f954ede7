"""The benchmark: one command, one run, one table. Nothing here is shipped."""
