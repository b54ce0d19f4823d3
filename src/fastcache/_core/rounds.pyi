from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from types import EllipsisType
from typing import Any, Literal, TypeAlias, TypeVar, final, overload

from fastcache._core.approach import ENTERED as ENTERED
from fastcache._core.approach import IN_LINE as IN_LINE
from fastcache._core.approach import TAKEN as TAKEN
from fastcache._core.approach import Way
from fastcache._core.batch import Batch
from fastcache._core.batch_errand import BatchErrand
from fastcache._core.bulk import BulkStore
from fastcache._core.context import Failed, LoadContext, Loaded
from fastcache._core.getting import _Seconds

_K = TypeVar("_K")
_V = TypeVar("_V")
_D = TypeVar("_D")
_Found: TypeAlias = Mapping[_K, _V | Loaded[_V] | Failed]
_Loader: TypeAlias = Callable[[list[_K]], Awaitable[_Found[_K, _V]] | _Found[_K, _V]]
# With ``with_context``.
_KnowingLoader: TypeAlias = Callable[
    [list[_K], dict[_K, LoadContext[_K, _V]]], Awaitable[_Found[_K, _V]] | _Found[_K, _V]
]

@final
class Rounds(Way):
    def begin(self) -> bool: ...
    def leave_behind(self, start: Callable[[Batch], object], /) -> None: ...
    def enter(self) -> int: ...
    def entered(self, inside: bool, /) -> bool: ...
    def turn_away(self) -> None: ...
    def lead(self, start: Callable[[BatchErrand], object], /) -> None: ...
    def join(self) -> None: ...
    def next(self) -> bool: ...
    def answer(self) -> None: ...
    def leave(self, others: int, /) -> None: ...
    def look_away(self) -> None: ...
    def let_go(self) -> None: ...

class AwaitingManyStore(BulkStore[_K, _V]):
    def _go_rounds(self, rounds: Rounds, /) -> Coroutine[Any, Any, Any]: ...
    def _renewing_many(self, keys: Iterable[_K], loader: Callable[..., Any], /, **options: Any) -> Rounds: ...
    @overload
    def aget_many_or_load(
        self,
        keys: Iterable[_K],
        loader: _Loader[_K, _V] | _KnowingLoader[_K, _V],
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
        max_batch: int | None = None,
        errors: Literal["raise"] = "raise",
    ) -> Coroutine[Any, Any, dict[_K, _V]]: ...
    @overload
    def aget_many_or_load(
        self,
        keys: Iterable[_K],
        loader: _Loader[_K, _V] | _KnowingLoader[_K, _V],
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
        max_batch: int | None = None,
        errors: Literal["raise"] = "raise",
        default: _D,
    ) -> Coroutine[Any, Any, dict[_K, _V | _D]]: ...
    @overload
    def aget_many_or_load(
        self,
        keys: Iterable[_K],
        loader: _Loader[_K, _V] | _KnowingLoader[_K, _V],
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
        max_batch: int | None = None,
        errors: Literal["return"],
    ) -> Coroutine[Any, Any, dict[_K, _V | Exception]]: ...
    @overload
    def aget_many_or_load(
        self,
        keys: Iterable[_K],
        loader: _Loader[_K, _V] | _KnowingLoader[_K, _V],
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
        max_batch: int | None = None,
        errors: Literal["return"],
        default: _D,
    ) -> Coroutine[Any, Any, dict[_K, _V | _D | Exception]]: ...
