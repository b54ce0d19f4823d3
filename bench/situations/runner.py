"""Runs each cell in a child process with a hard limit: one that hangs or crashes is an answer, not a problem."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from bench import child, contenders
from bench.situations.catalogue import SITUATIONS
from bench.situations.cell import BEGUN
from bench.situations.subject import SUBJECTS

# Seconds; a cell that ends takes about one.
LIMIT = 10.0


class Answer(NamedTuple):
    text: str
    # Empty, or why the text is none: the measurement failed, not the subject.
    failure: str = ""


# By situation, then by subject.
Answers = Mapping[str, Mapping[str, Answer]]


def run(situation: str, subject: str, limit: float = LIMIT) -> Answer:
    return watched(child.start("situations.cell", situation, subject), limit)


def watched(process: subprocess.Popen[str], limit: float) -> Answer:
    """What a cell's process answers, which does not outlive this call."""
    late = False
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        late = True
        process.kill()
        out, err = process.communicate()
    except BaseException:
        process.kill()
        process.wait()
        raise
    begun, _, rest = out.partition("\n")
    if begun != BEGUN:
        return Answer("not measured", f"it did not begin in {limit} s\n{err}" if late else err)
    if rest.endswith("\n"):
        return Answer(json.loads(rest))
    if late:
        return Answer("hangs")
    if process.returncode < 0:
        return Answer(f"crashes ({signal.Signals(-process.returncode).name})")
    return Answer("not measured", err or f"exit code {process.returncode}")


def present(chosen: Iterable[str] = SUBJECTS) -> tuple[list[str], dict[str, str]]:
    """Subjects whose library can be used here; the others with a reason."""
    skipped = contenders.load()[1]
    absent = {name: skipped[library] for name in chosen if (library := SUBJECTS[name][1]) in skipped and library}
    return [name for name in chosen if name not in absent], absent


def run_all(situations: Iterable[str], subjects: Iterable[str], progress: Callable[[str], None]) -> Answers:
    subjects = list(subjects)
    answers: dict[str, dict[str, Answer]] = {}
    for situation in situations:
        progress(f"{SITUATIONS[situation].part}: {SITUATIONS[situation].title}")
        answers[situation] = {subject: run(situation, subject) for subject in subjects}
    return answers
