"""The figures that goals are about, drawn from the measurements of one run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench import memory
from bench.contender import Contender
from bench.timing import Contest, Figure, figure
from bench.workloads import BY_NAME

OURS = ("fastcache", "fastcache, exact lru")
TTL_PEER = "cachebox.TTLCache"
Figures = dict[str, tuple[Figure, str]]


def figures(contests: Mapping[str, Contest], others: Mapping[str, Any], contenders: Mapping[str, Contender]) -> Figures:
    """Each with a note; those that were not measured are left out."""
    return {
        **_to_base(contests),
        **_to_best(contests, contenders),
        **_to_ttl_peer(contests, contenders),
        **_of_memory(others.get("memory", {})),
        **_of_pauses(others.get("pauses", {}), others.get("expiry")),
        **_of_contests(others),
        **_of_tasks(others.get("tasks", {})),
        **_of_scaling(others.get("scaling", {})),
    }


def _to_base(contests: Mapping[str, Contest]) -> Figures:
    """Against ``dict.get`` or ``lru_cache``."""
    bases = {name: BY_NAME[name].base for name in contests}
    return {
        name: (contest.ratio("fastcache", bases[name]), _costs(contest, bases[name]))
        for name, contest in contests.items()
        if name not in ("replace", "insert") and bases[name] in contest.rounds and "fastcache" in contest.rounds
    }


def _to_best(contests: Mapping[str, Contest], contenders: Mapping[str, Contender]) -> Figures:
    """Against the fastest of all that are bounded, and for what is awaited of all that there are."""
    found: Figures = {}
    peers = [name for name in contenders if name not in OURS]
    bounded = [name for name in peers if contenders[name].bounded]
    for name, workload, rivals in (
        ("replace", "replace", bounded),
        ("insert", "insert", bounded),
        ("async.peer", "decorated.async", peers),
    ):
        contest = contests.get(workload)
        best = contest.fastest(rivals) if contest else None
        if contest and best:
            found[name] = contest.ratio("fastcache", best), _costs(contest, best)
    return found


def _to_ttl_peer(contests: Mapping[str, Contest], contenders: Mapping[str, Contender]) -> Figures:
    """Against cachebox's; the note names a contender with ttl that is faster, if there is one."""
    found: Figures = {}
    peers = [name for name, contender in contenders.items() if contender.expires and name not in OURS]
    for name, workload in (("ttl.hit", "hit.str"), ("ttl.decorated", "decorated.str")):
        contest = contests.get(workload)
        if contest and TTL_PEER in contest.rounds:
            best = contest.fastest(peers)
            faster = f"; faster with ttl: {best}" if best != TTL_PEER else ""
            found[name] = contest.ratio("fastcache", TTL_PEER), _costs(contest, TTL_PEER) + faster
    return found


def _of_memory(sizes: Mapping[str, float]) -> Figures:
    found: Figures = {}
    if memory.ALL_ON in sizes:
        found["memory"] = figure([sizes[memory.ALL_ON]]), "a fresh process"
        if TTL_PEER in sizes:
            found["memory.ttl"] = figure([sizes[memory.ALL_ON] / sizes[TTL_PEER]]), f"{sizes[TTL_PEER]:.0f} B"
    return found


def _of_pauses(pauses: Mapping[str, Mapping[str, Any]], expiry: Mapping[str, Any] | None) -> Figures:
    found: Figures = {}
    if "fastcache" in pauses:
        own = pauses["fastcache"]
        others = "".join(f"; {name} {min(one['longest']):.0f} ms" for name, one in pauses.items() if name not in OURS)
        found["pause"] = _least(own["longest"]), f"{own['steady']:.2f} with each call at its shortest{others}"
    if expiry:
        found["expiry.pause"] = _least(expiry["longest"]), "smallest of the runs' longest"
        note = f"{expiry['returned'] / 2**20:.0f} of {expiry['grown'] / 2**20:.0f} MiB"
        note += f"; a dict that is cleared {expiry['of_dict']:.2f}" if "of_dict" in expiry else ""
        found["expiry.memory"] = figure([expiry["returned"] / expiry["grown"]]), note
    return found


def _of_contests(others: Mapping[str, Any]) -> Figures:
    return {
        name: (others[name].ratio("fastcache", base), f"{others[name].cost('fastcache').value / 1e6:.1f} ms")
        for name, base in (("collector", "dict"), ("wakeup", "threading.Event"))
        if name in others
    }


def _of_tasks(crowds: Mapping[str, Mapping[str, Any]]) -> Figures:
    """Against the fastest of those that load once."""
    found: Figures = {}
    if "fastcache" in crowds:
        others = ", ".join(f"{name} {one['loads']:,}" for name, one in crowds.items() if name not in OURS)
        found["tasks.loads"] = figure([crowds["fastcache"]["loads"]]), others
        contest = Contest({name: one["times"] for name, one in crowds.items() if "times" in one})
        best = contest.fastest(name for name in contest.rounds if name not in OURS)
        if best and "fastcache" in contest.rounds:
            own, other = (contest.cost(name).value / 1e6 for name in ("fastcache", best))
            found["tasks"] = contest.ratio("fastcache", best), f"{own:.1f} ms, {best} {other:.1f}"
    return found


def _of_scaling(scaling: Mapping[str, Mapping[str, Any]]) -> Figures:
    found: Figures = {}
    for scene, gains in scaling.items():
        own = gains["fastcache"]
        others = ", ".join(f"{name} {gain['value']:.2f}" for name, gain in gains.items() if name != "fastcache")
        calm = "undisturbed" if own["undisturbed"] else "disturbed"
        note = f"{own['rounds']} {calm} rounds; {others}"
        found[f"scaling.{scene}"] = Figure(own["value"], own["low"], own["high"]), note
    return found


def _least(runs: list[float]) -> Figure:
    return Figure(min(runs), min(runs), max(runs))


def _costs(contest: Contest, base: str) -> str:
    return f"{contest.cost('fastcache').value:.1f} ns, {base} {contest.cost(base).value:.1f}"
