"""The run as one HTML page that needs nothing else: inline SVG, no network, no script."""

from __future__ import annotations

from html import escape
from pathlib import Path

from .axes import axes, latency_name, queries_name, strips_name
from .captions import TITLES, Row, about, million, rows, sentence, span
from .columns import columns
from .measure import summary
from .record import Play, Run
from .svg import expiries_chart, latency_chart, queries_chart

STYLE = """
:root{color-scheme:light dark;--paper:#fff;--ink:#1b1f24;--muted:#57606a;--grid:#d8dee4;
--bare:#c8553d;--shielded:#1f7a8c;--failed:#b3001b}
@media (prefers-color-scheme:dark){:root{--paper:#14181d;--ink:#e6edf3;--muted:#9aa5b1;--grid:#303841;
--bare:#f08a70;--shielded:#57c2d6;--failed:#ff5c70}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:62rem;padding:1.5rem 1rem 3rem;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.6rem;line-height:1.2;margin:.2rem 0 .6rem}
h2{font-size:1.25rem;margin:2.6rem 0 .3rem;padding-top:1.2rem;border-top:1px solid var(--grid)}
p{margin:.3rem 0 .9rem;max-width:46rem}
.muted{color:var(--muted);font-size:.88rem}
.row{margin:.9rem 0}
.row h3{font-size:1rem;margin:0;color:var(--tone)}
.row h3 span{font-weight:400;font-size:.85rem;color:var(--muted);margin-left:.4rem}
.bare{--tone:var(--bare)}
.shielded{--tone:var(--shielded)}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:.2rem 1.2rem}
figure{margin:0}
figcaption{font-size:.78rem;color:var(--muted)}
svg{display:block;width:100%;height:auto}
svg text{fill:var(--muted);font:12.5px system-ui,sans-serif}
.y{text-anchor:end}
.x{text-anchor:middle}
.grid{stroke:var(--grid);fill:none}
.bar{fill:var(--tone)}
.band{fill:var(--tone);opacity:.18}
.p50,.p99{fill:none;stroke:var(--tone);stroke-linejoin:round}
.p50{stroke-width:2.4}
.dot{fill:var(--tone)}
.failed{fill:var(--failed)}
.attempt{fill:none;stroke:var(--ink);stroke-width:1.3}
.attempt.failed{stroke:var(--failed)}
.down{fill:var(--muted);opacity:.16}
.table{overflow-x:auto}
table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .6rem;text-align:right;border-bottom:1px solid var(--grid)}
td{white-space:nowrap}
.table+p{margin-top:1.6rem}
th:first-child,td:first-child{text-align:left;padding-left:0}
th{font-weight:600;color:var(--muted);vertical-align:bottom;line-height:1.25}
td:first-child{color:var(--tone)}
@media (max-width:40rem){.pair{grid-template-columns:1fr}.row h3 span{display:block;margin:0}}
"""


def draw(run: Run, path: Path) -> None:
    path.write_text(page(run), encoding="utf-8")


def page(run: Run) -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>fastcache: stampedes, measured</title><style>{STYLE}</style></head><body>"
        f'<h1>Stampedes, measured</h1><p class="muted">{escape(about(run))}</p>'
        + "".join(_scene(run, scene) for scene in run.scenes())
        + "</body></html>\n"
    )


def _scene(run: Run, scene: int) -> str:
    shared = axes(run, scene)
    queries = queries_name(shared).capitalize()
    latency = f"{latency_name(shared).capitalize()}, log scale"
    parts = [f"<section><h2>{scene}. {escape(TITLES[scene])}</h2><p>{escape(sentence(run, scene))}</p>"]
    for curve in shared.curves:
        name = curve.play.strategy
        parts.append(
            f'<div class="row {_tone(curve.play.protected)}"><h3>{escape(name)} {_note(curve.play)}</h3>'
            f'<div class="pair"><figure>{queries_chart(curve, shared, f"{name}: queries over time")}'
            f"<figcaption>{queries}</figcaption></figure>"
            f"<figure>{latency_chart(curve, shared, f'{name}: latency over time')}"
            f"<figcaption>{latency}</figcaption></figure></div></div>"
        )
    if strips := strips_name(shared):
        parts.append(f'<p class="muted">{strips.capitalize()}.</p>')
    parts.append(_table(scene, rows(run, scene)))
    if scene == 2 and run.expiries:
        parts.append(_expiries(run))
    return "".join(parts) + "</section>"


def _note(play: Play) -> str:
    numbers = summary(play)
    line = f" ({numbers.longest_queue:,} in line)" if numbers.longest_queue else ""
    errors = f", {numbers.errors:,} errors" if play.down else ""
    if unanswered := numbers.rejected + numbers.timeouts:
        errors += f", {unanswered:,} without an answer"
    return (
        f"<span>{numbers.queries:,} queries{line}, p50 {span(numbers.p50)}, p99 {span(numbers.p99)}, "
        f"max {span(numbers.max)}{errors}</span>"
    )


def _expiries(run: Run) -> str:
    parts = [f"<p>{escape(million(run))}</p><div class='pair'>"]
    for expiries in run.expiries:
        label = f"{expiries.label}: entries expired per second"
        parts.append(
            f'<div class="row {_tone(expiries is not run.expiries[0])}"><h3>{escape(expiries.label)}</h3>'
            f"<figure>{expiries_chart(expiries.seconds, expiries.entries, label)}"
            "<figcaption>Entries expired per second of the clock</figcaption></figure></div>"
        )
    return "".join(parts) + "</div>"


def _table(scene: int, found: list[Row]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in ("strategy", *(column.head for column in columns(scene))))
    return f'<div class="table"><table><tr>{head}</tr>{"".join(_line(row) for row in found)}</table></div>'


def _line(row: Row) -> str:
    cells = (escape(row.play.strategy), *(column.cell(row.sum) for column in columns(row.play.scene)))
    return f'<tr class="{_tone(row.play.protected)}">{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _tone(protected: bool) -> str:
    return "shielded" if protected else "bare"
