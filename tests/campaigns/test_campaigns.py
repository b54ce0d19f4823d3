"""The quick form of each campaign; and that what they find is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.campaigns._campaign import campaign, names
from tests.campaigns._course import run
from tests.harness.effort import EFFORT

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"

# The suite's runs are all alike; `make campaign` draws.
SEED = 1


# It counts instructions of the core, which are alike on every Python.
ONCE = {"floods": pytest.mark.once}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=ONCE.get(name, ())) for name in names() if campaign(name).quick]
)
def test_the_quick_form_finds_nothing(name: str) -> None:
    one = campaign(name)
    course = run(name, one.quick * EFFORT, SEED, min(one.limit) * EFFORT)
    assert course.held, course.result


def test_what_is_found_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.campaigns._course.SNIPPET", "raise AssertionError('here it is')")
    course = run("reads", 1, SEED, 60)
    assert not course.held
    assert "AssertionError: here it is" in course.result


def test_what_hangs_or_crashes_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.campaigns._course.SNIPPET", "import time; time.sleep(60)")
    assert "did not end in 0.5 s" in run("reads", 1, SEED, 0.5).result
    monkeypatch.setattr("tests.campaigns._course.SNIPPET", "import os; os.abort()")
    assert "exit code -6" in run("reads", 1, SEED, 60).result


def test_an_unknown_campaign_is_a_value_error() -> None:
    with pytest.raises(ValueError, match=r"name must be one of .*reads.*, not 'no such'"):
        campaign("no such")


@pytest.mark.skipif(not PAGE.is_file(), reason="the sources are not here")
def test_every_campaign_has_its_line_in_the_page() -> None:
    told = dict(re.findall(r"^\| `(\w+)` \|.*?\| ([\d,]+) [^|]* \|", PAGE.read_text(), re.MULTILINE))
    assert told == {name: f"{campaign(name).long:,}" for name in names()}
