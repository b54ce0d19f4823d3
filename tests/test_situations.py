"""The table beside the peers says what its children saw, and a child that hangs or crashes is an answer."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from bench.situations import runner, sheet, stage
from bench.situations.catalogue import SITUATIONS
from bench.situations.runner import Answer
from bench.situations.subject import PLAIN, SUBJECTS, Load, Options, Subject
from tests.harness.gates import Gate, in_time

pytestmark = pytest.mark.once

# Seconds for a child that starts a bare Python and then hangs.
SHORT = 3.0

# What each must answer.
FASTCACHE = {
    "cold": "1 load, all share",
    "window": "1 load each time",
    "failing": r"1 load \(\d\.\d\d s\), a copy each",
    "interrupted": "2 loads one after the other, only the interrupted one sees it",
    "limited": r"LoadTimeout after \d\.\d\d s, the load goes on and is stored",
    "own_limited": r"LoadTimeout after \d\.\d\d s, the load goes on and is stored",
    "hanging": r"2 loads, 8 of 9 are served",
    "own_key": "RecursiveLoadError",
    "each_others": "LoadCycleError for both",
    "deleted": "not stored",
    "written": "what was set stays",
    "cleared": "not stored",
    "expired_failing": "old value for all, 1 load",
    "expired_slow": "old value at once for all, 1 load",
}
FUNCTOOLS = {
    "cold": "8 loads at once, 8 values",
    "window": r"up to [2-8] loads",
    "failing": r"8 loads at once \(\d\.\d\d s\), an exception each",
    "interrupted": "8 loads at once, only the interrupted one sees it",
    "limited": r"no such thing: loads itself, \d\.\d\d s",
    "own_limited": r"no such thing: loads itself, \d\.\d\d s",
    "hanging": "[2-8] loads, 8 of 9 are served",
    "own_key": r"RecursionError after \d+ loads",
    "each_others": "RecursionError for both",
    "deleted": "no such thing",
    "written": "no such thing",
    "cleared": "old value stored after the clear",
    "expired_failing": "no such thing",
    "expired_slow": "no such thing",
}
EXPECTED = {"fastcache": FASTCACHE, "functools.lru_cache": FUNCTOOLS}


def cell(snippet: str) -> subprocess.Popen[str]:
    """A child that stands for a cell's."""
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", snippet], stdout=pipe, stderr=pipe, text=True)


# ---- the situations ----


@pytest.mark.parametrize(("subject", "situation"), list(itertools.product(EXPECTED, SITUATIONS)))
def test_a_situation_is_answered(subject: str, situation: str) -> None:
    answer = runner.run(situation, subject, limit=60)
    assert answer.failure == ""
    assert re.fullmatch(EXPECTED[subject][situation], answer.text), answer.text


class NoSecondLook(Subject):
    """A cache with the mistake that the second row looks for: who comes as a load ends may load again."""

    def __init__(self, load: Load, options: Options = PLAIN) -> None:
        self.load = load
        self.values: dict[Any, Any] = {}
        self.flights: dict[Any, threading.Event] = {}
        self.lock = threading.Lock()

    def call(self, key: Any) -> Any:
        if key in self.values:
            return self.values[key]
        with self.lock:
            flight = self.flights.get(key)
            leads = flight is None
            if flight is None:
                flight = self.flights[key] = threading.Event()
        if leads:
            self.values[key] = self.load(key)
            with self.lock:
                del self.flights[key]
            flight.set()
        flight.wait()
        return self.values[key]


@in_time
def test_a_load_too_many_as_another_ends_is_found() -> None:
    # Nearly each play finds one; none in ten would be a play that finds nothing.
    assert any(SITUATIONS["window"].play(NoSecondLook).startswith("up to") for _ in range(10))
    assert SITUATIONS["cold"].play(NoSecondLook) == "1 load, all share"


# ---- the runner ----


def test_a_hang_is_an_answer_and_leaves_no_process() -> None:
    process = cell("import time; print('begun', flush=True); time.sleep(600)")
    assert runner.watched(process, SHORT) == Answer("hangs")
    assert process.poll() is not None


@pytest.mark.skipif(sys.platform == "win32", reason="signals that end a process are those of POSIX")
def test_a_crash_is_an_answer() -> None:
    process = cell("import os; print('begun', flush=True); os.abort()")
    assert runner.watched(process, 60) == Answer("crashes (SIGABRT)")


def test_an_answer_counts_whatever_happens_after_it() -> None:
    process = cell("print('begun'); print('\"8 loads\"', flush=True); raise SystemExit(3)")
    assert runner.watched(process, 60) == Answer("8 loads")


@pytest.mark.parametrize("snippet", ["1 / 0", "print('begun', flush=True); 1 / 0"])
def test_a_measurement_that_fails_is_no_answer(snippet: str) -> None:
    answer = runner.watched(cell(snippet), 60)
    assert answer.text == "not measured"
    assert "ZeroDivisionError" in answer.failure


def test_a_child_that_never_begins_does_not_count_as_hanging() -> None:
    answer = runner.watched(cell("import time; time.sleep(600)"), 0.5)
    assert answer.text == "not measured"
    assert "did not begin" in answer.failure


def test_a_subject_that_is_not_installed_is_named_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner.contenders, "load", lambda: ({}, {"dogpile.cache": "not installed"}))
    subjects, absent = runner.present()
    assert subjects == [name for name in SUBJECTS if name != "dogpile.cache"]
    assert absent == {"dogpile.cache": "not installed"}


# ---- what a situation is played with ----


def test_loads_are_counted_with_the_most_at_once() -> None:
    loads = stage.Loads()
    assert (str(loads), loads.count()) == ("0 loads", "0 loads")
    with loads.one() as number:
        assert (number, str(loads)) == (1, "1 load")
    with loads.one():
        pass
    assert str(loads) == "2 loads one after the other"
    with loads.one(), loads.one() as number:
        assert number == 4
    assert (str(loads), loads.count(), loads.running) == ("4 loads, at most 2 at once", "4 loads", 0)


def test_loads_that_overlap_are_at_once() -> None:
    loads = stage.Loads()
    with loads.one(), loads.one(), loads.one():
        pass
    assert str(loads) == "3 loads at once"


def test_calls_are_settled_when_all_wait() -> None:
    loads, gate = stage.Loads(), Gate()

    def call() -> str:
        with loads.one():
            gate.stop()
        return "a value"

    calls = stage.together(4, call)
    stage.settle(calls, loads)
    assert (loads.running, [call.ended for call in calls]) == (4, [None] * 4)
    gate.open()
    last = stage.finish(calls)
    assert last == pytest.approx(max(call.ended or 0 for call in calls))
    assert [call.result() for call in calls] == ["a value"] * 4


def test_a_call_keeps_what_was_raised() -> None:
    call = stage.Call(int, "x")
    with pytest.raises(ValueError, match="invalid literal"):
        call.result()
    assert (stage.name(call.error), stage.name(None)) == ("ValueError", "a value")


# ---- the table ----

ANSWERS = {
    "cold": {"fastcache": Answer("1 load, all share"), "functools.lru_cache": Answer("8 loads")},
    "own_key": {"fastcache": Answer("hangs"), "functools.lru_cache": Answer("not measured", "no reason\n")},
}
ABOUT = {
    "date": "2026-01-02T03:04:05+00:00",
    "machine": {"processor": "a processor", "processors": 2, "system": "Linux", "load": 0.1},
    "python": "3.11.7",
    "versions": {"pyfastcache": "1.0"},
}


def test_the_table_has_a_row_for_each_situation_and_a_column_for_each_subject() -> None:
    rows = list(sheet.section(ANSWERS, ABOUT, {"cachebox": "not installed"}))
    assert rows[:4] == [
        "| | fastcache | functools.lru_cache |",
        "|---|---|---|",
        f"| **cold key**: {SITUATIONS['cold'].title} | 1 load, all share | 8 loads |",
        f"| **circular loads**: {SITUATIONS['own_key'].title} | hangs | not measured |",
    ]
    text = "\n".join(rows)
    assert "- functools.lru_cache: `lru_cache(1000)`." in text
    assert "- cachebox: left out (not installed)." in text
    assert "2026-01-02, CPython 3.11.7, pyfastcache 1.0; 2 x a processor, Linux." in text


def test_what_could_not_be_measured_is_named_with_a_reason() -> None:
    assert list(sheet.failures(ANSWERS)) == ["not measured: own_key, functools.lru_cache: no reason"]


def test_the_terminal_shows_every_answer() -> None:
    assert list(sheet.lines(ANSWERS))[:4] == [
        f"cold key: {SITUATIONS['cold'].title}",
        "    fastcache            1 load, all share",
        "    functools.lru_cache  8 loads",
        "",
    ]


def test_only_the_table_of_the_page_is_written(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{sheet.BEGIN}\nof last year\n{sheet.END}\nafter\n")
    sheet.write(ANSWERS, ABOUT, {}, page)
    text = page.read_text()
    assert text.startswith(f"before\n{sheet.BEGIN}\n\n| |")
    assert text.endswith(f"Linux.\n\n{sheet.END}\nafter\n")
    assert "of last year" not in text


def test_the_page_has_every_situation_and_every_subject() -> None:
    text = sheet.PAGE.read_text()
    assert [one.title for one in SITUATIONS.values() if f"| **{one.part}**: {one.title} |" not in text] == []
    assert "| | " + " | ".join(SUBJECTS) + " |" in text
    assert "not measured" not in text
