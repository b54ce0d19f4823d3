"""The options of a cache that concern its loads, checked once."""

from __future__ import annotations

from types import SimpleNamespace

from fastcache._config import check_count
from fastcache._core.store import nanoseconds
from fastcache._errors import NotFound
from fastcache._refresh_log import RefreshLog
from fastcache._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from typing import Any

    from fastcache._bulkhead import Bulkhead
    from fastcache._types import ErrorTypes


class LoadSettings(SimpleNamespace):
    """What the native store is told of loads."""

    coalesce: bool
    with_context: bool
    # Nanoseconds; None: for ever; ...: as any value.
    none_ttl: Any
    negative: tuple[type[Exception], ...]
    stale_on: tuple[type[Exception], ...]
    fatal: tuple[type[Exception], ...]
    bulkhead: Bulkhead | None
    log: RefreshLog | None


def load_settings(
    *,
    coalesce: bool = True,
    with_context: bool = False,
    none_ttl: Any = ...,
    negative: ErrorTypes = NotFound,
    stale_on: ErrorTypes = Exception,
    fatal: ErrorTypes = (),
    max_concurrent_loads: int | None = None,
    log: RefreshLog | None = None,
) -> LoadSettings:
    """TypeError or ValueError names the parameter and the value."""
    for parameter, flag in (("coalesce", coalesce), ("with_context", with_context)):
        if not isinstance(flag, bool):
            raise TypeError(f"{parameter} must be a bool, not {flag!r}")
    check_count("max_concurrent_loads", max_concurrent_loads, optional=True)
    return LoadSettings(
        coalesce=coalesce,
        with_context=with_context,
        none_ttl=none_ttl if none_ttl is None or none_ttl is ... else nanoseconds("none_ttl", none_ttl),
        negative=_error_types("negative", negative),
        stale_on=_error_types("stale_on", stale_on),
        fatal=_error_types("fatal", fatal),
        bulkhead=None if max_concurrent_loads is None else _bulkhead(max_concurrent_loads),
        log=log,
    )


def checked_executor(executor: Executor | None) -> Executor | None:
    if executor is not None and not callable(getattr(executor, "submit", None)):
        raise TypeError(f"executor must be a concurrent.futures.Executor or None, not {executor!r}")
    return executor


def _bulkhead(places: int) -> Bulkhead:
    from fastcache._bulkhead import Bulkhead

    return Bulkhead(places)


def _error_types(name: str, given: Any) -> tuple[type[Exception], ...]:
    types = given if isinstance(given, tuple) else (given,)
    for kind in types:
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            raise TypeError(f"{name} must be an exception class or a tuple of them, not {given!r}")
    return types
