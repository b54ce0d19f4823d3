"""``make compat`` itself: which tests a pattern names, what is a fault, and the table that it writes and reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compat.plugins.recording import matches
from tests.compat.suite import Outcome, Suite
from tests.compat.table import PAGE, recorded, save

pytestmark = pytest.mark.once

A_SUITE = Suite("some", "some==1.0", ("tests",), deselected={"t.py::Test": "why"}, edits={"t.py": {"a": "b"}})


@pytest.mark.parametrize(
    ("pattern", "name", "named"),
    [
        ("t.py::Test", "t.py::Test::test_a", True),
        ("t.py::Test", "t.py::Tests::test_a", False),
        ("t.py::test_a", "t.py::test_a[1]", True),
        ("t.py::test_a", "t.py::test_ab", False),
        ("t.py::test_a[1]", "t.py::test_a[1]", True),
        ("t.py::test_a[1]", "t.py::test_a[2]", False),
        ("t.py", "other/t.py::test_a", False),
    ],
)
def test_a_pattern_names_whole_parts(pattern: str, name: str, named: bool) -> None:
    assert matches(pattern, name) is named


@pytest.mark.parametrize(
    ("outcome", "before", "fault"),
    [
        (Outcome(A_SUITE, 5, {}, {}, {"t.py::Test": 1}), 5, None),
        (Outcome(A_SUITE, 6, {}, {}, {"t.py::Test": 1}), 5, None),
        (Outcome(A_SUITE, 5, {}, {}, {"t.py::Test": 1}), None, None),
        (Outcome(A_SUITE, 4, {}, {}, {"t.py::Test": 1}), 5, "4 passed, and 5 did before"),
        (Outcome(A_SUITE, 5, {"t.py::test_b": "no"}, {}, {"t.py::Test": 1}), 5, "t.py::test_b"),
        (Outcome(A_SUITE, 5, {}, {}, {"t.py::Test": 0}), 5, "no test is t.py::Test"),
        (Outcome(A_SUITE, 0, {}, {}, {}, "it stopped"), 5, "it stopped"),
    ],
)
def test_what_is_a_fault(outcome: Outcome, before: int | None, fault: str | None) -> None:
    faults = outcome.faults(before)
    assert len(faults) == (fault is not None)
    assert fault is None or fault in faults[0]


def test_what_is_saved_is_read_again_and_other_suites_rows_stay(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE.read_text())
    before = recorded(page)
    other = next(iter(before))
    named = Suite(other, "other==1.0", ())
    save([Outcome(A_SUITE, 5, {}, {"t.py::test_c": "skipped"}, {"t.py::Test": 2})], [named, A_SUITE], page)
    assert recorded(page) == {other: before[other], "some": 5}
    text = page.read_text()
    assert "| some | some 1.0 |" in text
    assert "`t.py::Test`: why." in text
    assert "for `a` we read `b`" in text
    assert text.startswith(PAGE.read_text()[:200])
