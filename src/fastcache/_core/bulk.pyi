from collections.abc import Callable, Iterable, Mapping
from types import EllipsisType
from typing import Any, Literal, TypeVar, overload

from typing_extensions import disjoint_base

from fastcache._core.awaiting import AwaitingStore
from fastcache._core.context import Failed, LoadContext, Loaded
from fastcache._core.getting import _Seconds

_K = TypeVar("_K")
_V = TypeVar("_V")
_D = TypeVar("_D")

@disjoint_base
class Wanted: ...

class BulkStore(AwaitingStore[_K, _V]):
    def _renew_many(
        self, keys: Iterable[_K], loader: Callable[..., Mapping[_K, Any]], /, **options: Any
    ) -> dict[_K, Any]: ...
    @overload
    def get_many_or_load(
        self,
        keys: Iterable[_K],
        loader: Callable[[list[_K]], Mapping[_K, _V | Loaded[_V] | Failed]],
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
        max_batch: int | None = None,
        errors: Literal["raise"] = "raise",
    ) -> dict[_K, _V]: ...
    @overload
    def get_many_or_load(
        self,
        keys: Iterable[_K],
        loader: Callable[[list[_K]], Mapping[_K, _V | Loaded[_V] | Failed]],
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
        max_batch: int | None = None,
        errors: Literal["raise"] = "raise",
        default: _D,
    ) -> dict[_K, _V | _D]: ...
    @overload
    def get_many_or_load(
        self,
        keys: Iterable[_K],
        loader: Callable[[list[_K]], Mapping[_K, _V | Loaded[_V] | Failed]],
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
        max_batch: int | None = None,
        errors: Literal["return"],
    ) -> dict[_K, _V | Exception]: ...
    @overload
    def get_many_or_load(
        self,
        keys: Iterable[_K],
        loader: Callable[[list[_K]], Mapping[_K, _V | Loaded[_V] | Failed]],
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
        max_batch: int | None = None,
        errors: Literal["return"],
        default: _D,
    ) -> dict[_K, _V | _D | Exception]: ...
    @overload
    def get_many_or_load(
        self,
        keys: Iterable[_K],
        loader: Callable[[list[_K], dict[_K, LoadContext[_K, _V]]], Mapping[_K, _V | Loaded[_V] | Failed]],
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
        max_batch: int | None = None,
        errors: Literal["raise"] = "raise",
    ) -> dict[_K, _V]: ...
    @overload
    def get_many_or_load(
        self,
        keys: Iterable[_K],
        loader: Callable[[list[_K], dict[_K, LoadContext[_K, _V]]], Mapping[_K, _V | Loaded[_V] | Failed]],
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
        max_batch: int | None = None,
        errors: Literal["raise"] = "raise",
        default: _D,
    ) -> dict[_K, _V | _D]: ...
    @overload
    def get_many_or_load(
        self,
        keys: Iterable[_K],
        loader: Callable[[list[_K], dict[_K, LoadContext[_K, _V]]], Mapping[_K, _V | Loaded[_V] | Failed]],
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
        max_batch: int | None = None,
        errors: Literal["return"],
    ) -> dict[_K, _V | Exception]: ...
    @overload
    def get_many_or_load(
        self,
        keys: Iterable[_K],
        loader: Callable[[list[_K], dict[_K, LoadContext[_K, _V]]], Mapping[_K, _V | Loaded[_V] | Failed]],
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
        max_batch: int | None = None,
        errors: Literal["return"],
        default: _D,
    ) -> dict[_K, _V | _D | Exception]: ...
