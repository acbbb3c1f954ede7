"""Events told to shops' own addresses."""
