"""The answers as text for a terminal, and as the section of docs/situations.md that a run writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench import page
from bench.situations.catalogue import SITUATIONS
from bench.situations.runner import Answers
from bench.situations.subject import find

PAGE = Path(__file__).parents[2] / "docs" / "situations.md"
BEGIN, END = "<!-- written by bench/situations -->", "<!-- end of what bench/situations writes -->"


def lines(answers: Answers) -> Iterator[str]:
    for name, by_subject in answers.items():
        yield f"{SITUATIONS[name].part}: {SITUATIONS[name].title}"
        width = max(map(len, by_subject))
        for subject, answer in by_subject.items():
            yield f"    {subject:{width}}  {answer.text}"
        yield ""


def failures(answers: Answers) -> Iterator[str]:
    for situation, by_subject in answers.items():
        for subject, answer in by_subject.items():
            if answer.failure:
                yield f"not measured: {situation}, {subject}: {answer.failure.strip()}"


def section(answers: Answers, about: Mapping[str, Any], absent: Mapping[str, str]) -> Iterator[str]:
    subjects = list(dict.fromkeys(subject for by_subject in answers.values() for subject in by_subject))
    yield "| | " + " | ".join(subjects) + " |"
    yield "|---" * (len(subjects) + 1) + "|"
    for name, by_subject in answers.items():
        one = SITUATIONS[name]
        texts = [by_subject[subject].text if subject in by_subject else "" for subject in subjects]
        yield f"| **{one.part}**: {one.title} | " + " | ".join(texts) + " |"
    yield ""
    yield "What was used, and how:"
    yield ""
    for subject in subjects:
        yield f"- {subject}: {find(subject).configuration}."
    for subject, reason in absent.items():
        yield f"- {subject}: left out ({reason})."
    yield ""
    machine = about["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    yield (
        f"{about['date'][:10]}, CPython {about['python']}, {versions}; {machine['processors']} x "
        f"{machine['processor']}, {machine['system']}."
    )


def write(answers: Answers, about: Mapping[str, Any], absent: Mapping[str, str], path: Path = PAGE) -> Path:
    text = "\n".join(section(answers, about, absent))
    path.write_text(page.replaced(path.read_text(), text, BEGIN, END))
    return path
