"""A pytest plugin: ``import cachetools`` gives fastcache's."""

from __future__ import annotations

import sys
from typing import Any

from fastcache.compat import cachetools
from fastcache.compat.cachetools import func


class Missing:
    """Of what is not offered, and named by modules of tests that are deselected."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError("not offered; its tests are deselected")


for place, name in ((cachetools, "LFUCache"), (cachetools, "RRCache"), (func, "lfu_cache"), (func, "rr_cache")):
    assert not hasattr(place, name)
    setattr(place, name, Missing)
for name, module in list(sys.modules.items()):
    if name.startswith("fastcache.compat.cachetools"):
        sys.modules[name.removeprefix("fastcache.compat.")] = module
assert sys.modules["cachetools"] is cachetools
