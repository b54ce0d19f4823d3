"""A situation: a title, and a play that answers in a few words what a subject did."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from bench.situations.subject import Subject

Play = Callable[[type[Subject]], str]


class Situation(NamedTuple):
    name: str
    # Rows that belong together.
    part: str
    title: str
    play: Play


def situation(part: str, title: str) -> Callable[[Play], Situation]:
    """Makes one of its play, whose function's name becomes the situation's."""
    return lambda play: Situation(play.__name__, part, title, play)
