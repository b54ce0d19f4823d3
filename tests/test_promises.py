"""The pages of promises and of failures name tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

TESTS = Path(__file__).parent
PAGES = [TESTS.parent / "docs" / name for name in ("promises.md", "failures.md")]


def named() -> list[tuple[str, str]]:
    """(file, name of a test) for each that the pages name, once."""
    pairs = {}
    for page in PAGES:
        for file, names in re.findall(r"`([\w/]+\.py)`: ((?:`\w+`(?:, )?)+)", page.read_text()):
            pairs.update(dict.fromkeys((file, name) for name in re.findall(r"\w+", names)))
    return list(pairs)


def test_the_pages_name_many_tests() -> None:
    assert len(named()) > 180


@pytest.mark.parametrize(("file", "name"), named())
def test_each_named_test_is_there(file: str, name: str) -> None:
    assert re.search(rf"def test_{name}\(", (TESTS / file).read_text())
