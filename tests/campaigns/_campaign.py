"""What a campaign is, and which there are."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path


@dataclass(frozen=True)
class Campaign:
    """A search that draws from a seed, and that a size makes as long as one likes.

    ``run(size, seed)`` returns what it did in one line, and raises what it found; the same size and seed draw the same.
    """

    #: What it looks for, in one line.
    what: str
    #: What a size counts.
    unit: str
    #: Its size in the suite, times the effort; 0: its quick form is a test elsewhere.
    quick: int
    #: Its size in `make campaign`.
    long: int
    run: Callable[[int, int], str]
    #: Seconds in which both forms must have ended, the long one and the quick one.
    limit: tuple[float, float] = (3600.0, 90.0)


def names() -> list[str]:
    """The campaigns there are, as their modules are named."""
    modules = sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return [name for name in modules if not name.startswith(("_", "test_"))]


def campaign(name: str) -> Campaign:
    """ValueError if there is none of that name."""
    if name not in names():
        raise ValueError(f"name must be one of {', '.join(names())}, not {name!r}")
    found: Campaign = import_module(f"tests.campaigns.{name}").CAMPAIGN
    return found
