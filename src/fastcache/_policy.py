"""Ready choices of the stampede options, by situation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from fastcache._config import Jitter, Seconds


@dataclass(frozen=True, slots=True)
class Policy:
    """A set of options, to be spread into a cache: ``Cache(1000, **Policy.hot_key(60))``.

    Loads are shared per key in all of them.  ``a | b`` takes b's options where they differ
    from the defaults, else a's.  All in seconds.
    """

    ttl: Seconds | None = None
    jitter: Jitter = 0
    refresh_ahead: Seconds = 0
    stale_while_revalidate: Seconds = 0
    stale_if_error: Seconds = 0

    @classmethod
    def hot_key(cls, ttl: float) -> Policy:
        """One key that everybody wants: reloaded behind its users in the last fifth of its life, so that none waits."""
        return cls(ttl=ttl, refresh_ahead=ttl / 5)

    @classmethod
    def bulk(cls, ttl: float) -> Policy:
        """Many keys written together: lifetimes spread by a twelfth of the ttl each way, so that they expire apart."""
        return cls(ttl=ttl, jitter=ttl / 12)

    @classmethod
    def always_available(cls, ttl: float) -> Policy:
        """Once loaded, no wait and no error: the old value for one more ttl while it reloads, for 60 if loads fail."""
        return cls(ttl=ttl, stale_while_revalidate=ttl, stale_if_error=60 * ttl)

    def __or__(self, other: Policy) -> Policy:
        if not isinstance(other, Policy):
            return NotImplemented
        return Policy(**{**self._chosen(), **other._chosen()})

    def _chosen(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}

    def keys(self) -> Iterator[str]:
        return iter(self._chosen())

    def __getitem__(self, name: str) -> Any:
        return self._chosen()[name]
