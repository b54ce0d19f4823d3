"""The run as tables in the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .captions import TITLES, Row, about, each, million, rows, sentence, short
from .record import Expiries, Run

BAR = 40
LEGEND = (
    "per life: queries per key and lifetime of its value. queue: longest line at the pool. "
    "misses: requests that waited for a load."
)

# Narrow enough for 80 columns.
_COLUMNS = ("re-\nquests", "queries", "per\nlife", "p50", "p99", "max", "queue", "misses", "errors")


def show(run: Run, console: Console) -> None:
    for scene in run.scenes():
        console.print()
        console.print(f"[bold]{scene}. {TITLES[scene]}[/]")
        console.print(escape(sentence(run, scene)), style="dim")
        console.print(_table(rows(run, scene)))
        if scene == 2 and run.expiries:
            console.print(escape(million(run)), style="dim")
            for expiries in run.expiries:
                _histogram(expiries, console)
    console.print()
    console.print(escape(about(run)), style="dim")
    console.print(LEGEND, style="dim")


def _table(found: list[Row]) -> Table:
    table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False, padding=(0, 0, 0, 0))
    table.add_column("strategy", min_width=15)
    for name in _COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for row in found:
        table.add_row(*_cells(row), style="green" if row.play.protected else "red")
    return table


def _cells(row: Row) -> list[str]:
    numbers = row.sum
    return [
        row.play.strategy.replace("while-", "while-\n"),
        f"{numbers.requests:,}",
        f"{numbers.queries:,}",
        each(numbers.per_lifetime),
        short(numbers.p50),
        short(numbers.p99),
        short(numbers.max),
        f"{numbers.longest_queue:,}",
        f"{numbers.misses:,}",
        f"{numbers.errors:,}",
    ]


def _histogram(expiries: Expiries, console: Console) -> None:
    """Misses per second, one line each; the longest bar of any second is BAR wide."""
    console.print(f"\n  {escape(expiries.label)}: expired entries per second", style="bold")
    for second, count in expiries.seconds.items():
        bar = "█" * round(BAR * count / expiries.entries) or "▏"
        if count:
            console.print(f"  {second:>3} s {bar:<{BAR}} {count:>9,}", highlight=False)
