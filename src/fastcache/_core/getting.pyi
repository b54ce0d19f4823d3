from collections.abc import Callable, Iterable
from datetime import timedelta
from types import EllipsisType
from typing import Any, Literal, TypeAlias, TypeVar, overload

from fastcache._core.context import LoadContext
from fastcache._core.loading import LoadingStore

_K = TypeVar("_K")
_V = TypeVar("_V")
_D = TypeVar("_D")
_Seconds: TypeAlias = float | timedelta
_Status: TypeAlias = Literal["hit", "early", "stale", "stale_error", "miss", "coalesced", "negative"]

STATUSES: tuple[_Status, ...]

class GettingStore(LoadingStore[_K, _V]):
    @overload
    def get_or_load(
        self,
        key: _K,
        loader: Callable[[_K], _V],
        /,
        *,
        ttl: _Seconds | EllipsisType | None = ...,
        wait_timeout: _Seconds | None = None,
        soft_timeout: _Seconds | None = None,
        max_age: _Seconds | None = None,
        max_stale: _Seconds | None = None,
        force: bool = False,
        coalesce: bool = ...,
        tags: str | Iterable[str] = (),
        with_context: Literal[False] = False,
        with_status: Literal[False] = False,
        default: _D = ...,
    ) -> _V | _D: ...
    @overload
    def get_or_load(
        self,
        key: _K,
        loader: Callable[[_K], _V],
        /,
        *,
        ttl: _Seconds | EllipsisType | None = ...,
        wait_timeout: _Seconds | None = None,
        soft_timeout: _Seconds | None = None,
        max_age: _Seconds | None = None,
        max_stale: _Seconds | None = None,
        force: bool = False,
        coalesce: bool = ...,
        tags: str | Iterable[str] = (),
        with_context: Literal[False] = False,
        with_status: Literal[True],
        default: _D = ...,
    ) -> tuple[_V | _D, _Status]: ...
    @overload
    def get_or_load(
        self,
        key: _K,
        loader: Callable[[_K, LoadContext[_K, _V]], _V],
        /,
        *,
        ttl: _Seconds | EllipsisType | None = ...,
        wait_timeout: _Seconds | None = None,
        soft_timeout: _Seconds | None = None,
        max_age: _Seconds | None = None,
        max_stale: _Seconds | None = None,
        force: bool = False,
        coalesce: bool = ...,
        tags: str | Iterable[str] = (),
        with_context: Literal[True],
        with_status: Literal[False] = False,
        default: _D = ...,
    ) -> _V | _D: ...
    @overload
    def get_or_load(
        self,
        key: _K,
        loader: Callable[[_K, LoadContext[_K, _V]], _V],
        /,
        *,
        ttl: _Seconds | EllipsisType | None = ...,
        wait_timeout: _Seconds | None = None,
        soft_timeout: _Seconds | None = None,
        max_age: _Seconds | None = None,
        max_stale: _Seconds | None = None,
        force: bool = False,
        coalesce: bool = ...,
        tags: str | Iterable[str] = (),
        with_context: Literal[True],
        with_status: Literal[True],
        default: _D = ...,
    ) -> tuple[_V | _D, _Status]: ...
    def _do(
        self, key: _K, function: Callable[..., _V], args: tuple[Any, ...], kwargs: dict[str, Any], /
    ) -> tuple[_V, bool]: ...
    def _renew(self, key: _K, loader: Callable[..., _V], /, **options: Any) -> _V: ...
    def _detach(self, key: _K, /) -> bool: ...
