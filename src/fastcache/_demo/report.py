"""The run as tables in the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .captions import TITLES, Row, about, million, rows, sentence
from .columns import columns
from .record import Expiries, Run

BAR = 40
LEGEND = (
    "per life: queries per key and lifetime of its value. queue: longest line at the pool. "
    "misses: requests that waited for a load. old values: requests that got one. failed: queries. "
    "at a time: most queries that ran in one instant. turned away, gave up: requests that saw LoadRejected, "
    "LoadTimeout."
)


def show(run: Run, console: Console) -> None:
    for scene in run.scenes():
        console.print()
        console.print(f"[bold]{scene}. {TITLES[scene]}[/]")
        console.print(escape(sentence(run, scene)), style="dim")
        console.print(_table(scene, rows(run, scene)))
        if scene == 2 and run.expiries:
            console.print(escape(million(run)), style="dim")
            for expiries in run.expiries:
                _histogram(expiries, console)
    console.print()
    console.print(escape(about(run)), style="dim")
    console.print(LEGEND, style="dim")


def _table(scene: int, found: list[Row]) -> Table:
    table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False, padding=(0, 0, 0, 0))
    table.add_column("strategy", min_width=15)
    for column in columns(scene):
        table.add_column(column.narrow, justify="right", no_wrap=True)
    for row in found:
        name = row.play.strategy.replace("while-", "while-\n")
        cells = (column.cell(row.sum) for column in columns(scene))
        table.add_row(name, *cells, style="green" if row.play.protected else "red")
    return table


def _histogram(expiries: Expiries, console: Console) -> None:
    """Misses per second, one line each; the longest bar of any second is BAR wide."""
    console.print(f"\n  {escape(expiries.label)}: expired entries per second", style="bold")
    for second, count in expiries.seconds.items():
        bar = "█" * round(BAR * count / expiries.entries) or "▏"
        if count:
            console.print(f"  {second:>3} s {bar:<{BAR}} {count:>9,}", highlight=False)
