"""What the cache raises of its own, and copies of what loaders raise."""

from __future__ import annotations

import contextlib
import types
from collections.abc import Sequence

from fastcache._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

# Py_TPFLAGS_HEAPTYPE: a class made by a class statement.
_HEAP_TYPE = 1 << 9


class CacheError(Exception):
    """The root of all errors that are the cache's own."""


class LoadTimeout(CacheError, TimeoutError):  # noqa: N818 - named as TimeoutError is
    """A caller's ``wait_timeout`` ran out; the load it waited for goes on."""


class LoadRejected(CacheError):  # noqa: N818 - the caller was turned away, nothing failed
    """A load could not begin: as many as ``max_concurrent_loads`` were under way for as long as the caller waits."""


class LoadFailed(CacheError):  # noqa: N818 - the pair of NotFound
    """What a loader says with ``ctx.fail``: it failed, for no exception of its own."""


class NotFound(CacheError, LookupError):  # noqa: N818 - the usual name of it
    """What a loader raises for a key that has no value; remembered for ``negative_ttl``."""


class BulkLoadError(CacheError):
    """Some keys of one call could not be loaded.

    ``partial`` has the values of the others, in the order of the request, and ``errors`` the exception of each.
    """

    def __init__(self, partial: dict[Any, Any], errors: dict[Any, Exception]) -> None:
        super().__init__(partial, errors)
        self.partial = partial
        self.errors = errors

    def __str__(self) -> str:
        key, error = next(iter(self.errors.items()))
        return f"{len(self.errors)} keys could not be loaded, among them {key!r}: {type(error).__name__}: {error}"


class RecursiveLoadError(CacheError, RuntimeError):
    """A load asked for its own result: waiting for it could never end."""


class LoadCycleError(RecursiveLoadError):
    """Loads in several threads wait for each other in a circle.

    ``keys`` names them, each waiting for the next and the last for the first (at most eight).
    """

    def __init__(self, keys: Sequence[Any]) -> None:
        super().__init__(keys)
        self.keys = keys

    def __str__(self) -> str:
        return "loads wait for each other: " + " -> ".join(map(repr, self.keys))


def copied(error: BaseException) -> BaseException:
    """A copy of a leader's exception for one follower to raise: same type, own traceback, the original as its cause.

    One exception object raised by many threads would gather all their tracebacks.  No constructor of a program's
    own class is run, for it may take other arguments than it keeps.  What cannot be copied is raised itself.
    """
    try:
        twin = _twin(error)
    except Exception:
        return error
    twin.__cause__ = error
    return twin


def cached_copy(error: BaseException, retry_in: float) -> BaseException:
    """A copy of an exception that was kept, for a later caller to raise: marked with the attribute ``cached``.

    ``retry_in``: seconds in which the key will not be tried again; the copy has it as an attribute too.
    """
    twin = copied(error)
    with contextlib.suppress(AttributeError):
        twin.cached = True  # type: ignore[attr-defined]
        twin.retry_in = retry_in  # type: ignore[attr-defined]
    return twin


def remembered(error: BaseException) -> BaseException:
    """An exception to be kept beside an old value: a copy without traceback and cause, which keeps no frame alive."""
    try:
        return _twin(error)
    except Exception:
        return error


def _twin(error: BaseException) -> BaseException:
    cls = type(error)
    # To the end: an interrupt that comes as a generator is given up half-way is lost.
    builtin, *_ = (base for base in cls.__mro__ if not base.__flags__ & _HEAP_TYPE)
    args = builtin.__reduce__(error)[1]  # type: ignore[call-arg]
    twin: BaseException = builtin.__new__(cls, *args)
    builtin.__init__(twin, *args)  # type: ignore[misc]
    twin.args = error.args
    twin.__dict__.update(error.__dict__)
    if "__notes__" in twin.__dict__:
        twin.__notes__ = list(twin.__notes__)
    for base in cls.__mro__:
        for slot in vars(base).values():
            if isinstance(slot, types.MemberDescriptorType):
                # An unset slot, or one that cannot be set.
                with contextlib.suppress(AttributeError, TypeError):
                    value = slot.__get__(error, cls)
                    # What a built-in class has not set reads as None, and would be shown if it were set to that.
                    if value is not None or base.__flags__ & _HEAP_TYPE:
                        slot.__set__(twin, value)
    return twin
