"""The pictures: what a hit costs, what a decorated hit costs, what an entry costs.  They show the first saved run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "results"
OURS, OTHERS, PYTHON = "#c2410c", "#94a3b8", "#475569"
OF_PYTHON = {"dict", "functools.lru_cache"}


def draw(runs: Mapping[str, Mapping[str, Any]], folder: Path = FOLDER) -> dict[str, str]:
    """Writes the pictures; answers with their titles and paths as seen from docs/.  None without matplotlib."""
    try:
        import matplotlib as mpl
    except ImportError:
        return {}
    mpl.use("Agg")
    version, run = next(iter(runs.items()))
    workloads = run["workloads"]
    pictures = {
        "hit": ("A hit of one str key", "ns, logarithmic", _costs(workloads.get("hit.str")), True),
        "decorated": (
            "A hit of a decorated function, one str",
            "ns, logarithmic",
            _costs(workloads.get("decorated.str")),
            True,
        ),
        "insert": ("A new key in a full cache", "ns, logarithmic", _costs(workloads.get("insert")), True),
        "memory": ("Memory of an entry beyond key and value", "bytes", run["others"].get("memory", {}), False),
    }
    drawn = {}
    for name, (title, unit, values, logarithmic) in pictures.items():
        if values:
            path = folder / f"{name}.png"
            _bars(f"{title}, Python {version}", unit, values, logarithmic, path)
            drawn[f"{title}, in {unit.split(',')[0]}"] = f"../bench/results/{path.name}"
    return drawn


def order(workloads: Mapping[str, Any]) -> list[str]:
    """All contenders: fastcache's, Python's, then the others."""
    names = dict.fromkeys(name for one in workloads.values() for name in one["costs"])
    return sorted(names, key=lambda name: (not name.startswith("fastcache"), name not in OF_PYTHON))


def _costs(workload: Mapping[str, Any] | None) -> dict[str, float]:
    return {name: cost["value"] for name, cost in workload["costs"].items()} if workload else {}


def _bars(title: str, unit: str, values: Mapping[str, float], logarithmic: bool, path: Path) -> None:
    from matplotlib import pyplot

    names = sorted(values, key=values.__getitem__, reverse=True)
    figure, axes = pyplot.subplots(figsize=(8, 0.36 * len(names) + 1.1), dpi=110, layout="constrained")
    colours = [OURS if name.startswith("fastcache") else PYTHON if name in OF_PYTHON else OTHERS for name in names]
    bars = axes.barh(names, [values[name] for name in names], color=colours, height=0.7)
    axes.bar_label(bars, labels=[_number(values[name]) for name in names], padding=4)
    if logarithmic:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:,g}")
        # A bar on a logarithmic scale begins somewhere: at 1 for all.
        axes.set_xlim(1, max(values.values()) * 2.2)
    else:
        axes.set_xlim(0, max(values.values()) * 1.12)
    axes.set_xlabel(unit)
    axes.set_title(title, loc="left", fontweight="bold")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.savefig(path, metadata={"Software": None})
    pyplot.close(figure)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
