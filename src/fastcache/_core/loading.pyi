from collections.abc import Callable
from datetime import timedelta
from types import EllipsisType
from typing import Any, TypeVar


from fastcache._core.flight import Flight
from fastcache._core.mapping import Mapping

_K = TypeVar("_K")
_V = TypeVar("_V")

class LoadingStore(Mapping[_K, _V]):
    def get_or_load(
        self,
        key: _K,
        loader: Callable[[_K], _V],
        /,
        *,
        ttl: float | timedelta | EllipsisType | None = ...,
        wait_timeout: float | timedelta | None = None,
    ) -> _V: ...
    def _do(
        self, key: _K, function: Callable[..., _V], args: tuple[Any, ...], kwargs: dict[str, Any], /
    ) -> tuple[_V, bool]: ...
    def _detach(self, key: _K, /) -> bool: ...
    def _schedule(self, flight: Flight, call: tuple[Any, ...], ttl: int, /) -> bool: ...
    def _run(self, flight: Flight, packed: tuple[Any, ...], ttl: int, /) -> None: ...
    def _drop(self, flight: Flight, /) -> None: ...
