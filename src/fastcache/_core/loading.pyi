from typing import Any, TypeVar

from typing_extensions import disjoint_base

from fastcache._core.batch import Batch
from fastcache._core.errand import Errand
from fastcache._core.landing import LandingStore

_K = TypeVar("_K")
_V = TypeVar("_V")

@disjoint_base
class LoadingStore(LandingStore[_K, _V]):
    def _configure_loading(self, settings: Any, /) -> None: ...
    def _schedule(self, errand: Errand | Batch, /) -> bool: ...
    def _start(self, errand: Errand | Batch, /) -> bool: ...
