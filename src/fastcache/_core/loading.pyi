from typing import Any, TypeVar

from typing_extensions import disjoint_base

from fastcache._core.landing import LandingStore

_K = TypeVar("_K")
_V = TypeVar("_V")

@disjoint_base
class LoadingStore(LandingStore[_K, _V]):
    def _configure_loading(self, settings: Any, /) -> None: ...
