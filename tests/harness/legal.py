"""Whether a history is linearizable: whether its effects can be put into one order that explains all answers.

The search is that of J. M. Wing and C. Gong, "Testing and verifying concurrent objects", Journal of Parallel and
Distributed Computing 17 (1993), with states that were reached before remembered, after G. Lowe, "Testing for
linearizability", Concurrency and Computation: Practice and Experience 29 (2017).  Keys are checked one by one: a cache
promises no order between keys.

A call is one effect, but for one that loads: its decision to load is one, the end of its load another.  Between both
others may read, write and remove the key, and join the load.  A call's instant is one that the cache's clock showed
during the call, not necessarily at its effect: it is read before the lock is taken.  So a call may find gone, swept out
by another one, what is fresh at its own instant.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.harness.history import END, MISSING, REFUSED, SECOND, Done, History, Rules


class State(NamedTuple):
    """One key: its value, with the instants at which it is due and expires, and the load that callers join."""

    value: str | None = None
    due: int = 0
    ends: int = 0
    #: What the load under way will come to; None: there is none.
    loading: str | None = None
    #: That nobody has begun to load: of the reload that it was to be.
    waiting: str | None = None

    def fresh(self, now: int) -> bool:
        """Whether a read finds it."""
        return self.value is not None and now < self.ends

    def kept(self, rules: Rules, now: int) -> bool:
        """Whether who can load is served."""
        return self.value is not None and now < self.ends + rules.stale_while_revalidate * SECOND

    def idle(self) -> bool:
        return self.loading is None and self.waiting is None


GONE = State()


@dataclass
class Effect:
    what: str
    done: Done
    earliest: int
    latest: int
    #: What the cache's clock showed meanwhile.
    nows: list[int] = field(default_factory=list)
    #: The effect of the same call that comes first.
    after: int | None = None
    #: The loads that came to the same, by their values; who forced one gets its failure, not what is served instead.
    joins: frozenset[str] = frozenset()


class Clock:
    """What the cache's clock showed between two instants; one thread moves it."""

    def __init__(self, history: History) -> None:
        moves = sorted((one for one in history.done if one.step.kind == "advance"), key=lambda one: one.begun)
        self.begun = [one.begun for one in moves]
        self.ended = [one.ended for one in moves]
        self.shown = [0]
        for one in moves:
            self.shown.append(self.shown[-1] + one.step.seconds * SECOND)

    def between(self, first: int, last: int) -> list[int]:
        return self.shown[bisect_left(self.ended, first) : bisect_right(self.begun, last) + 1]


def effects(history: History, key: int, clock: Clock) -> list[Effect]:
    """Those on one key, with the bounds that are known of them."""
    found: list[Effect] = []
    mine = [one for one in history.done if one.step.key == key or one.step.kind == "clear"]
    came_to = {one.step.value: one.result if not one.behind else one.step.value for one in mine if one.load_begun}

    def add(what: str, done: Done, earliest: int, latest: int, after: int | None = None) -> int:
        nows = clock.between(done.begun if what != "end" else earliest, latest)
        joins = frozenset(value for value, result in came_to.items() if done.result in (value, result))
        found.append(Effect(what, done, earliest, latest, nows, after, joins))
        return len(found) - 1

    for one in mine:
        if one.step.kind == "advance" or one.result == REFUSED:
            continue
        if not one.load_begun:
            add(one.step.kind, one, one.begun, one.ended)
            continue
        # Who has an answer of a load has it after the load's end.
        told = min([other.ended for other in mine if other.result == one.step.value], default=END)
        if one.behind:
            first = add("serve", one, one.begun, one.ended)
            add("end", one, one.load_ended, told, first)
        else:
            first = add("begin", one, one.begun, one.load_begun)
            end = add("end", one, one.load_ended, min(one.ended, told), first)
            if one.result != one.step.value:
                # It failed, and what the key had by then is served to all who waited.
                add("instead", one, one.load_ended, one.ended, end)
    return found


def written(rules: Rules, value: str, ttl: Any, now: int) -> State:
    lives = (rules.ttl if ttl is ... else ttl) * SECOND
    ahead = rules.refresh_ahead * SECOND
    if lives == 0:
        return GONE
    return State(value, now + lives - (ahead if ahead < lives else lives // 2), now + lives)


def expired(state: State, rules: Rules, now: int) -> State:
    if not rules.stale_while_revalidate:
        return GONE
    if not state.fresh(now):
        return state._replace(loading=None, waiting=None)
    return State(state.value, now, now)


def served(state: State, effect: Effect, rules: Rules, now: int) -> Iterator[State]:
    """After a call that found a value or joined a load, and ran no loader in its own thread."""
    done, idle = effect.done, state.idle()
    joined = state.loading in effect.joins
    if effect.what == "refresh":
        if joined:
            yield state
        return
    if state.kept(rules, now):
        if state.value != done.result:
            return
        if now < state.due or not idle:
            if effect.what != "serve":
                yield state
        elif effect.what == "serve":
            yield state._replace(loading=done.step.value)
        else:
            # A reload that was to be, and that somebody else's call will have made, or a removal prevented.
            yield state._replace(waiting=done.step.value)
    elif joined and effect.what != "serve":
        yield state


def begun(state: State, done: Done, rules: Rules, now: int) -> Iterator[State]:
    """After a call that has decided to load itself."""
    kind, loads = done.step.kind, state._replace(loading=done.step.value, waiting=None)
    if kind == "force" or (state.loading is None and (kind == "refresh" or not state.kept(rules, now))):
        yield loads


def after(state: State, effect: Effect, rules: Rules, now: int) -> Iterator[State]:
    """The states that an effect at an instant may lead to; none if its answer cannot be explained so."""
    done, step, result = effect.done, effect.done.step, effect.done.result
    fresh = state.fresh(now)
    match effect.what:
        case "get":
            if result == (state.value if fresh else MISSING):
                yield state
        case "set":
            yield written(rules, step.value, step.ttl, now)
        case "setdefault":
            if fresh and result == state.value:
                yield state
            elif not fresh and result == step.value:
                yield written(rules, step.value, ..., now)
        case "delete":
            if result is fresh:
                yield GONE
        case "pop":
            if result == (state.value if fresh else MISSING):
                yield GONE
        case "expire":
            if result is fresh:
                yield expired(state, rules, now)
        case "clear":
            yield GONE
        case "begin":
            yield from begun(state, done, rules, now)
        case "end":
            if state.loading != step.value:
                yield state
            elif step.fails:
                if result == step.value:
                    yield state._replace(loading=None)
            else:
                yield written(rules, step.value, step.ttl, now)
        case "instead":
            if fresh and result == state.value:
                yield state
        case _:
            yield from served(state, effect, rules, now)


def explained(found: list[Effect], rules: Rules, clock: Clock) -> bool:
    """Whether there is an order of the effects in which each has its answer, and no load is forgotten."""
    everything = (1 << len(found)) - 1
    seen: set[tuple[int, State]] = set()
    rest = [(0, GONE)]
    while rest:
        taken, state = rest.pop()
        if taken == everything and state.idle():
            return True
        if (taken, state) in seen:
            continue
        seen.add((taken, state))
        left = [n for n in range(len(found)) if not taken >> n & 1]
        # Nothing comes after what had begun only when it was over.
        over = min((found[n].latest for n in left), default=END)
        if rules.evicts and state.value is not None:
            # With or without the load of it.
            rest += [(taken, GONE), (taken, state._replace(value=None))]
        elif state.value is not None and not state.kept(rules, clock.between(over, over)[-1]):
            rest.append((taken, state._replace(value=None)))
        for n in left:
            effect = found[n]
            if effect.earliest > over or (effect.after is not None and not taken >> effect.after & 1):
                continue
            for now in effect.nows:
                rest.extend((taken | 1 << n, then) for then in after(state, effect, rules, now))
    return False


def check_history(history: History) -> None:
    """AssertionError tells a history whose answers no order explains."""
    clock = Clock(history)
    for key in sorted({one.step.key for one in history.done}):
        found = effects(history, key, clock)
        assert explained(found, history.rules, clock), (
            f"no order explains what was answered for key {key}:\n{history.told()}"
        )
