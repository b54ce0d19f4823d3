"""The workloads: for each contender that can take part, what is timed.

Hits ask again and again for one key of KEYS, another in each round, in a container that has room.  Writes go round all
keys of a full one, or round a RING of far more keys than it holds, so that each is new when it comes again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from bench import keys
from bench.contender import Contender
from bench.timing import EACH, MIXED, ONE, Unit

KEYS = 1_000
ROOM = 10_000
CAPACITY = 1_000
# Of which an order that keeps a part of a loop may keep a fortieth.
RING = 40_000
BULK = 100
# Each round asks for another of the keys, so far apart.
STRIDE = 17
VALUE = "a value"


class Workload(NamedTuple):
    name: str
    title: str
    # Whose cost is 1 in the report.
    base: str
    prepare: Callable[[Contender], Unit | None]


def loader(key: Any) -> Any:
    return VALUE


async def aloader(key: Any) -> Any:
    return VALUE


def filled(contender: Contender, stored: list[Any], capacity: int) -> Any:
    container = contender.make(capacity)  # type: ignore[misc]
    fill = contender.filler(container)
    for key in stored:
        fill(key, VALUE)
    return container


def one(statement: str, kind: str = "str", *, there: bool = True) -> Callable[[Contender], Unit | None]:
    """A statement about one key."""
    population = keys.kinds(KEYS)[kind]

    def prepare(contender: Contender) -> Unit | None:
        body = getattr(contender, statement)
        if contender.make is None or body is None:
            return None
        names = contender.names(filled(contender, population.stored, ROOM))
        chosen = population.asked[::STRIDE] if there else keys.texts(KEYS // STRIDE, "absent")
        if statement == "get" and any((contender.value(names["get"](key)) == VALUE) != there for key in chosen):
            raise AssertionError(f"{contender.name} does not answer as it should")
        names |= {"k": chosen[0], "v": VALUE, "load": loader, "many": population.asked[:BULK]}
        return Unit(ONE, (body,), names, choices=chosen)

    return prepare


def all_of(statement: str, *, per: int) -> Callable[[Contender], Unit | None]:
    """A statement about many keys at once."""

    def prepare(contender: Contender) -> Unit | None:
        unit = one(statement)(contender)
        return unit and unit._replace(per=per)

    return prepare


def each(statement: str, count: int) -> Callable[[Contender], Unit | None]:
    """A statement about one key after the other, in a container that is full."""
    ring = keys.texts(count)

    def prepare(contender: Contender) -> Unit | None:
        body = getattr(contender, statement)
        if contender.make is None or body is None:
            return None
        names = contender.names(filled(contender, ring[:CAPACITY], CAPACITY))
        return Unit(EACH, (body,), {**names, "keys": ring, "v": VALUE, "load": loader}, count)

    return prepare


def bounded(prepare: Callable[[Contender], Unit | None]) -> Callable[[Contender], Unit | None]:
    """Only those that evict; others would grow."""
    return lambda contender: prepare(contender) if contender.bounded else None


def mix(writes: float) -> Callable[[Contender], Unit | None]:
    trace = keys.mixed(keys.texts(10 * CAPACITY), 8 * CAPACITY, writes)

    def prepare(contender: Contender) -> Unit | None:
        if contender.make is None or contender.get is None or contender.put is None:
            return None
        names = contender.names(filled(contender, [], CAPACITY))
        return Unit(MIXED, (contender.get, contender.put), {**names, "trace": trace, "v": VALUE}, len(trace))

    return prepare


def call(statement: str, function: Callable[..., Any], kind: str = "str") -> Callable[[Contender], Unit | None]:
    """A call of a decorated function that is a hit."""
    chosen = keys.kinds(KEYS)[kind].asked[::STRIDE]

    def prepare(contender: Contender) -> Unit | None:
        awaits = statement.startswith("await")
        decorate = contender.decorate_async if awaits else contender.decorate
        if decorate is None:
            return None
        decorated = decorate(function, ROOM)
        owner = type("Owner", (), {"m": decorated})()
        names = {"f": decorated, "o": owner, "k": chosen[0], "b": 2}
        if awaits:
            # Loads of one event loop; its only key is known after the first turn.
            return Unit(ONE, (statement,), names)
        for key in chosen:
            eval(statement, {**names, "k": key})
        return Unit(ONE, (statement,), names, choices=chosen)

    return prepare


def awaited(contender: Contender) -> Unit | None:
    """``load_async`` of one key that is there from the first turn on."""
    if contender.load_async is None:
        return None
    names = contender.names(contender.make(ROOM))  # type: ignore[misc]
    return Unit(ONE, (contender.load_async,), {**names, "k": keys.texts(1)[0], "load": aloader})


def missed(contender: Contender) -> Unit | None:
    if contender.decorate is None or not contender.bounded:
        return None
    return Unit(EACH, ("f(k)",), {"f": contender.decorate(loader, CAPACITY), "keys": keys.texts(RING)}, RING)


LRU = "functools.lru_cache"
COROUTINE = "trivial coroutine"
WORKLOADS = [
    Workload("hit.str", "get, hit, the same str", "dict", one("get")),
    Workload("hit.copy", "get, hit, an equal copy of the str", "dict", one("get", "copy")),
    Workload("hit.int", "get, hit, int", "dict", one("get", "int")),
    Workload("hit.tuple", "get, hit, tuple of str and int", "dict", one("get", "tuple")),
    Workload("hit.user", "get, hit, an object with __hash__ and __eq__", "dict", one("get", "user")),
    Workload("item", "cache[key], hit", "dict.get", one("item")),
    Workload("miss", "get, miss", "dict", one("get", there=False)),
    Workload("load.hit", "get_or_load, hit", "dict.get", one("load")),
    Workload("load.async", "aget_or_load, hit, awaited", COROUTINE, awaited),
    Workload("load.miss", "get_or_load, miss and eviction", "fastcache", bounded(each("load", RING))),
    Workload("replace", "write of a key that is there", "dict", each("put", CAPACITY)),
    Workload("insert", "write of a new key, with eviction", "fastcache", bounded(each("put", RING))),
    Workload("zipf.95", "Zipf, 95 % reads, 5 % writes", "fastcache", bounded(mix(0.05))),
    Workload("zipf.50", "Zipf, 50 % reads, 50 % writes", "fastcache", bounded(mix(0.5))),
    Workload("iterate", "iteration, an entry of 1,000", "dict", all_of("iterate", per=KEYS)),
    Workload("bulk", "a key of 100 got at once", "dict", all_of("bulk", per=BULK)),
    Workload("decorated.0", "decorated, no argument", LRU, call("f()", lambda: VALUE)),
    Workload("decorated.str", "decorated, one str", LRU, call("f(k)", loader)),
    Workload("decorated.int", "decorated, one int", LRU, call("f(k)", loader, "int")),
    Workload("decorated.2", "decorated, two arguments", LRU, call("f(k, b)", lambda a, b: VALUE)),
    Workload("decorated.keywords", "decorated, a keyword", LRU, call("f(k, b=b)", lambda a, b: VALUE)),
    Workload("decorated.method", "decorated method, one argument", LRU, call("o.m(k)", lambda o, a: VALUE)),
    Workload("decorated.miss", "decorated, miss and eviction, trivial function", LRU, missed),
    Workload("decorated.async", "decorated coroutine function, awaited", COROUTINE, call("await f(k)", aloader)),
]
BY_NAME = {workload.name: workload for workload in WORKLOADS}


def units(workload: Workload, contenders: dict[str, Contender]) -> dict[str, Unit]:
    """What is timed in a workload, by contender; what is the measure of it takes part."""
    chosen: dict[str, Unit | None] = {}
    if workload.base == "dict.get":
        chosen["dict.get"] = one("get")(contenders["dict"])
    elif workload.base == COROUTINE:
        chosen[COROUTINE] = Unit(ONE, ("await f(k)",), {"f": aloader, "k": keys.texts(1)[0]})
    chosen |= {
        name: workload.prepare(contender)
        for name, contender in contenders.items()
        if workload.name not in contender.cannot
    }
    return {name: unit for name, unit in chosen.items() if unit is not None}
