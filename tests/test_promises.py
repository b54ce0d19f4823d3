"""The page of promises names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "promises.md"


def named() -> list[tuple[str, str]]:
    """(file, name of a test) for each that the page names."""
    pairs = []
    for cell in re.findall(r"`([\w/]+\.py)`: ((?:`\w+`(?:, )?)+)", PAGE.read_text()):
        pairs += [(cell[0], name) for name in re.findall(r"\w+", cell[1])]
    return pairs


def test_the_page_names_many_tests() -> None:
    assert len(named()) > 90


@pytest.mark.parametrize(("file", "name"), named())
def test_each_named_test_is_there(file: str, name: str) -> None:
    assert re.search(rf"def test_{name}\(", (TESTS / file).read_text())
