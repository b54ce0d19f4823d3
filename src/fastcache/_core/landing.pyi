from typing import TypeVar

from typing_extensions import disjoint_base

from fastcache._core.mapping import Mapping

_K = TypeVar("_K")
_V = TypeVar("_V")

@disjoint_base
class LandingStore(Mapping[_K, _V]): ...
