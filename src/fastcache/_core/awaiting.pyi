from collections.abc import Awaitable, Callable, Coroutine, Iterable
from datetime import timedelta
from types import EllipsisType
from typing import Any, TypeAlias, TypeVar

from fastcache._core.approach import Approach
from fastcache._core.getting import GettingStore

_K = TypeVar("_K")
_V = TypeVar("_V")
_Seconds: TypeAlias = float | timedelta

class AwaitingStore(GettingStore[_K, _V]):
    def aget_or_load(
        self,
        key: _K,
        loader: Callable[..., Awaitable[_V]] | Callable[..., _V],
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
        with_context: bool = False,
        with_status: bool = False,
        default: Any = ...,
    ) -> Coroutine[Any, Any, Any]: ...
    def _approach(self, approach: Approach, /) -> Coroutine[Any, Any, Any]: ...
    def _renewing(self, key: _K, loader: Callable[..., Any], /, **options: Any) -> Approach: ...
