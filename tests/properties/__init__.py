"""The cache and its table against slow, obvious twins, over random sequences of operations."""
