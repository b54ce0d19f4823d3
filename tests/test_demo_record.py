"""The record of the demo, what is drawn from it, and the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fastcache.__main__ import main
from fastcache._demo import cli
from fastcache._demo.arrivals import Served
from fastcache._demo.measure import summary
from fastcache._demo.pool import Query
from fastcache._demo.record import BadRecordError, Expiries, Play, Run, load, save


def query(asked: float, finished: float, failed: bool = False) -> Query:
    return Query(0, asked, asked, finished, 0, failed)


def recorded() -> Run:
    bare = Play(1, "no protection", False, 1, 0.5, 0.1, 0.0, 1.0, 8, 4, counted=2)
    bare.served += [Served(0.1, 0.001, "hit"), Served(0.6, 0.2, "miss"), Served(0.7, 0.15, "miss")]
    bare.queries += [query(0.6, 0.8), query(0.7, 0.85)]
    shielded = Play(1, "locking", True, 1, 0.5, 0.1, 0.0, 1.0, 8, 4, counted=1)
    shielded.served += [Served(0.1, 0.001, "hit"), Served(0.6, 0.05, "miss"), Served(0.7, 0.001, "stale")]
    shielded.queries += [query(0.6, 0.65)]
    together = Play(2, "ttl 60", False, 3, 3.0, 0.05, 2.5, 20.0, 8, 4, counted=1)
    together.served += [Served(3.05, 0.001, "miss")]
    together.queries += [query(3.05, 3.1)]
    spread = Play(2, "ttl 60 ± 5", True, 3, 2.75, 0.05, 2.5, 20.0, 8, 4, counted=1)
    spread.served += [Served(3.05, 0.001, "miss")]
    spread.queries += [query(3.05, 3.1)]
    without = Play(4, "without stale-if-error", False, 1, 0.5, 0.1, 0.0, 1.0, 8, 4, counted=1, down=(0.2, 0.7))
    without.served += [Served(0.1, 0.001, "hit"), Served(0.6, 0.001, "error"), Served(0.9, 0.002, "hit")]
    without.queries += [query(0.6, 0.6, failed=True)]
    shield = Play(4, "with stale-if-error", True, 1, 0.5, 0.1, 0.0, 1.0, 8, 4, counted=0, down=(0.2, 0.7))
    shield.served += [Served(0.1, 0.001, "hit"), Served(0.6, 0.001, "stale")]
    bulkhead = Play(6, "at most 1 load", True, 2, 0.0, 0.1, 0.0, 1.0, 8, 4, counted=1, limit=1, patience=0.2)
    bulkhead.served += [Served(0.0, 0.1, "miss"), Served(0.0, 0.2, "rejected"), Served(0.0, 0.2, "timeout")]
    bulkhead.queries += [query(0.0, 0.1)]
    facts = {"seed": 1, "rows": 10, "query_ms": 50.0, "python": "3.11", "sqlite": "3", "cores": 2}
    seconds = [
        Expiries("ttl 60", 10, {59: 10, 60: 0}),
        Expiries("ttl 60 ± 5", 10, {59: 4, 60: 6}),
    ]
    return Run(facts, [bare, shielded, together, spread, without, shield, *[bulkhead] * 4], seconds)


def test_a_run_is_read_back_as_it_was_recorded(tmp_path: Path) -> None:
    run = recorded()
    save(run, tmp_path / "run.jsonl")
    assert load(tmp_path / "run.jsonl") == run


@pytest.mark.parametrize("text", ["", "{}\n", "not json\n", '{"kind":"run"}\n{"kind":"request","play":3}\n'])
def test_a_file_that_is_no_run_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text(text)
    with pytest.raises(BadRecordError, match=r"other\.jsonl is not a recorded run"):
        load(path)


def test_the_summary_counts_what_users_saw() -> None:
    bare, shielded, *_ = recorded().plays
    numbers = summary(bare)
    assert (numbers.requests, numbers.queries, numbers.per_lifetime, numbers.misses) == (3, 2, 2.0, 2)
    assert numbers.max == 0.2
    numbers = summary(shielded)
    assert (numbers.per_lifetime, numbers.misses, numbers.stale, numbers.errors) == (1.0, 1, 1, 0)


def test_requests_without_an_answer_have_no_latency() -> None:
    numbers = summary(recorded().plays[6])
    assert (numbers.requests, numbers.misses, numbers.rejected, numbers.timeouts, numbers.max) == (3, 1, 1, 1, 0.1)


def test_in_an_outage_there_is_no_count_per_lifetime() -> None:
    numbers = summary(recorded().plays[4])
    assert (numbers.per_lifetime, numbers.errors, numbers.max) == (None, 1, 0.002)


def test_help_is_printed_and_an_unknown_command_exits_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert main(["dance"]) == 2
    assert "demo draw RUN.jsonl" in capsys.readouterr().err
    assert main(["--help"]) == 0
    assert "usage" in capsys.readouterr().out


@pytest.mark.parametrize("missing", ["rich", "matplotlib"])
def test_a_missing_extra_is_said_in_one_sentence(
    missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = cli.find_spec
    monkeypatch.setattr(cli, "find_spec", lambda name: None if name == missing else real(name))
    assert main(["demo"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == ["the demo needs rich and matplotlib: pip install 'pyfastcache[demo]'"]


def test_a_recorded_run_is_drawn_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("rich")
    pytest.importorskip("matplotlib")
    save(recorded(), tmp_path / "run.jsonl")
    assert main(["demo", "draw", str(tmp_path / "run.jsonl"), "--out", str(tmp_path / "drawn")]) == 0
    said = capsys.readouterr().out
    assert "no protection" in said
    assert "stampede.html" in said
    assert (tmp_path / "drawn" / "stampede.png").read_bytes().startswith(b"\x89PNG")


def test_drawing_what_is_no_run_ends_with_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("rich")
    pytest.importorskip("matplotlib")
    (tmp_path / "x.jsonl").write_text("{}\n")
    assert main(["demo", "draw", str(tmp_path / "x.jsonl")]) == 1
    assert main(["demo", "draw", str(tmp_path / "none.jsonl")]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_scenes_are_chosen_by_number() -> None:
    pytest.importorskip("rich")
    pytest.importorskip("matplotlib")
    with pytest.raises(SystemExit):
        main(["demo", "--scene", "8"])


def test_importing_fastcache_imports_nothing_of_the_demo() -> None:
    code = "import sys, fastcache; print([n for n in ('rich', 'matplotlib') if n in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
