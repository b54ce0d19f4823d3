"""Ready choices of the stampede options, by situation."""

from __future__ import annotations

from collections.abc import Iterator

from fastcache._config import jitter_range
from fastcache._core.store import nanoseconds
from fastcache._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from fastcache._types import Jitter, RefreshAhead, Seconds

# In the order of Policy's parameters.
USUAL: dict[str, Any] = {
    "ttl": None,
    "jitter": 0,
    "refresh_ahead": 0,
    "stale_while_revalidate": 0,
    "stale_if_error": 0,
}


class Policy:
    """A set of options, to be spread into a cache: ``Cache(1000, **Policy.hot_key(60))``.

    Loads are shared per key in all of them.  ``a | b`` takes b's options where they differ from the defaults, else a's.
    All in seconds.  Raises TypeError or ValueError, naming the parameter and the value; what options must be to each
    other is for the cache to say.
    """

    __slots__ = ("_options",)

    def __init__(
        self,
        ttl: Seconds | None = None,
        jitter: Jitter = 0,
        refresh_ahead: RefreshAhead = 0,
        stale_while_revalidate: Seconds = 0,
        stale_if_error: Seconds = 0,
    ) -> None:
        if ttl is not None:
            nanoseconds("ttl", ttl)
        jitter_range(jitter, None)
        if refresh_ahead != "auto":
            nanoseconds("refresh_ahead", refresh_ahead)
        nanoseconds("stale_while_revalidate", stale_while_revalidate)
        nanoseconds("stale_if_error", stale_if_error)
        given = ttl, jitter, refresh_ahead, stale_while_revalidate, stale_if_error
        self._options: dict[str, Any] = {
            name: option for (name, usual), option in zip(USUAL.items(), given, strict=True) if option != usual
        }

    @classmethod
    def hot_key(cls, ttl: Seconds) -> Policy:
        """One key that everybody wants: reloaded behind its users in the last fifth of its life, so that none waits."""
        nanoseconds("ttl", ttl)
        return cls(ttl=ttl, refresh_ahead=ttl / 5)

    @classmethod
    def bulk(cls, ttl: Seconds) -> Policy:
        """Many keys written together: lifetimes spread by a twelfth of the ttl each way, so that they expire apart."""
        nanoseconds("ttl", ttl)
        return cls(ttl=ttl, jitter=ttl / 12)

    @classmethod
    def always_available(cls, ttl: Seconds) -> Policy:
        """Once loaded, no wait and no error: the old value for one more ttl while it reloads, for 60 if loads fail."""
        nanoseconds("ttl", ttl)
        return cls(ttl=ttl, stale_while_revalidate=ttl, stale_if_error=60 * ttl)

    def __or__(self, other: Policy) -> Policy:
        if not isinstance(other, Policy):
            return NotImplemented
        return Policy(**{**self._options, **other._options})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Policy) and other._options == self._options

    def __hash__(self) -> int:
        return hash(frozenset(self._options.items()))

    def __repr__(self) -> str:
        return f"Policy({', '.join(f'{name}={option!r}' for name, option in self._options.items())})"

    def keys(self) -> Iterator[str]:
        return iter(self._options)

    def __getitem__(self, name: str) -> Any:
        return self._options[name]

    def __getattr__(self, name: str) -> Any:
        """An option, also one that is as usual."""
        if name in USUAL:
            return self._options.get(name, USUAL[name])
        raise AttributeError(f"Policy has no option {name!r}")
