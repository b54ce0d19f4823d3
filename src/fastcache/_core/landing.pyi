from typing import Any, TypeVar

from typing_extensions import disjoint_base

from fastcache._core.mapping import Mapping

_K = TypeVar("_K")
_V = TypeVar("_V")

@disjoint_base
class LandingStore(Mapping[_K, _V]):
    # An Errand, or a Batch.
    def _schedule(self, errand: Any, /) -> bool: ...
    def _start(self, errand: Any, /) -> bool: ...
