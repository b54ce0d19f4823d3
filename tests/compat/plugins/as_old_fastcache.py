"""A pytest plugin: the older fastcache's tests, which are modules of its package, find ours above them."""

from __future__ import annotations

from pathlib import Path

import fastcache

assert hasattr(fastcache, "Cache")
fastcache.__path__.append(str(Path.cwd() / "fastcache"))
