"""How hard the long tests try: ``make stress`` asks for ten times the effort."""

import os

EFFORT = int(os.environ.get("FASTCACHE_STRESS", "1"))
