"""One foreign suite: where its tests come from, how they are run, and which are left out, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Suite:
    """The tests of a distribution, or fastcache's own that need other distributions.

    :param name: shown in the table.
    :param requirement: the distribution whose source holds the tests, with its version; empty: the tests are ours.
    :param tests: what pytest is given, relative to that source.
    :param plugins: pytest plugins that put fastcache's classes into place, before the tests are imported.
    :param needs: what else is installed.
    :param edits: in files of the source, texts and what replaces them; each must be there.
    :param deselected: patterns of tests (as of ``plugins.recording.matches``) and why they are left out.
    :param options: of pytest.
    :param python: the least version of Python.
    :param source: what the tests are of, where ``requirement`` does not say it.
    """

    name: str
    requirement: str
    tests: tuple[str, ...]
    plugins: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    edits: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    deselected: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    python: tuple[int, int] = (3, 11)
    source: str = "fastcache, with the frameworks"

    @property
    def distribution(self) -> str:
        return self.requirement.partition("==")[0]


@dataclass(frozen=True)
class Outcome:
    """How a suite ended.

    ``failed``, ``skipped`` (by the suite itself): test ids and what they said; ``deselected``: how many tests each
    pattern left out; ``broken``: what was printed if it did not come to an end.
    """

    suite: Suite
    passed: int
    failed: Mapping[str, str]
    skipped: Mapping[str, str]
    deselected: Mapping[str, int]
    broken: str = ""

    def faults(self, recorded: int | None) -> list[str]:
        """What is wrong with it, given how many passed at the last record."""
        faults = [f"{name}\n{text[-3000:]}" for name, text in self.failed.items()]
        faults += [f"no test is {pattern}" for pattern, count in self.deselected.items() if not count]
        if self.broken:
            faults.append(self.broken)
        elif self.passed < (recorded or 0):
            faults.append(f"{self.passed} passed, and {recorded} did before")
        return [f"{self.suite.name}: {fault}" for fault in faults]
