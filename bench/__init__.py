"""fastcache and its peers, measured side by side: ``make bench``; by hand: ``pytest bench/``."""
