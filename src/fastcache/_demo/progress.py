"""The progress shown while the demo runs: one line per strategy."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


class Lines:
    """A Screen made of rich progress bars."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[note]}", style="dim"),
            TimeElapsedColumn(),
            console=console,
            refresh_per_second=8,
        )
        self._current: TaskID | None = None

    def __enter__(self) -> Lines:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begin(self, label: str, total: int) -> None:
        self._end()
        self._current = self._progress.add_task(label, total=total, note="")

    def step(self, done: int, queries: int, waiting: int) -> None:
        if self._current is None:
            return
        note = f"{queries:,} queries" if queries else ""
        if waiting:
            note += f", {waiting:,} in line"
        self._progress.update(self._current, completed=done, note=note)

    def _end(self) -> None:
        if self._current is not None:
            self._progress.stop_task(self._current)
