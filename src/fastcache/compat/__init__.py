"""Stand-ins for the caches of other distributions, each by the name of the original."""
