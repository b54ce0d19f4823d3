"""The interface of all subjects: one library in its best configuration, over one load function."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

Load = Callable[[Any], Any]

# In the order of the table; the module beside this one, and what it imports as bench.contenders names it.
SUBJECTS = {
    "fastcache": ("of_fastcache", "fastcache"),
    "cachebox": ("of_cachebox", "cachebox"),
    "cachetools, condition": ("of_cachetools", "cachetools"),
    "cachetools, lock": ("of_cachetools", "cachetools"),
    "dogpile.cache": ("of_dogpile", "dogpile.cache"),
    "functools.lru_cache": ("of_python", None),
}


class NoSuchThing(Exception):  # noqa: N818 - an answer, not a mistake
    """The library has no way to express it."""


class Options(NamedTuple):
    """What a situation wishes for, in seconds; a subject grants what its library has."""

    # None: values do not expire.  NoSuchThing if they cannot.
    ttl: float | None = None
    stale_while_revalidate: float = 0
    stale_if_error: float = 0
    max_load_time: float | None = None


PLAIN = Options()


class Subject:
    name: ClassVar[str]
    # What the table says of how it is used, in Markdown.
    configuration: ClassVar[str]

    def __init__(self, load: Load, options: Options = PLAIN) -> None:
        raise NotImplementedError

    def call(self, key: Any) -> Any:
        """The value of ``key``, loaded if need be."""
        raise NotImplementedError

    def call_within(self, key: Any, seconds: float) -> Any:
        """The same for a caller who will not wait longer than this."""
        raise NoSuchThing

    def delete(self, key: Any) -> None:
        raise NoSuchThing

    def set(self, key: Any, value: Any) -> None:
        raise NoSuchThing

    def clear(self) -> None:
        raise NoSuchThing


def find(name: str) -> type[Subject]:
    """Imports no library but the subject's own."""
    subjects = importlib.import_module(f"bench.situations.{SUBJECTS[name][0]}").SUBJECTS
    return next(subject for subject in subjects if subject.name == name)
