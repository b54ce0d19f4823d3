"""What is logged: the first failure and every doubling, few a second, and nothing of it at the cache's expense."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fastcache import Cache
from fastcache._refresh_log import RefreshLog
from fastcache.testing import MovableClock
from tests.harness.child import check_child
from tests.harness.gates import Call, Gate, all_at_once


class Listener(logging.Handler):
    """Keeps what is logged as (level, message), then calls ``then``."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[tuple[str, str]] = []
        self.then: Callable[[], Any] = int

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append((record.levelname, record.getMessage()))
        self.then()

    @property
    def texts(self) -> list[str]:
        return [text for _, text in self.said]


@pytest.fixture
def listener() -> Iterator[Listener]:
    logger = logging.getLogger("fastcache")
    listener, level = Listener(), logger.level
    logger.addHandler(listener)
    logger.setLevel(logging.INFO)
    yield listener
    logger.removeHandler(listener)
    logger.setLevel(level)


@pytest.fixture
def log(clock: MovableClock) -> RefreshLog:
    """A log in which a second passes between any two records."""

    def later() -> float:
        clock.advance(1)
        return clock.now

    return RefreshLog("mine", later)


@pytest.fixture
def still(clock: MovableClock) -> RefreshLog:
    return RefreshLog("mine", lambda: clock.now)


def test_the_first_failure_is_told_and_then_each_doubling(log: RefreshLog, listener: Listener) -> None:
    for failures in range(1, 101):
        log.failed("k", ConnectionError("down"), failures, 1.5)
    assert [int(text.split(" in a row")[0].split(", ")[1]) for text in listener.texts] == [1, 2, 4, 8, 16, 32, 64]
    assert listener.said[1] == (
        "WARNING",
        "cache mine: the load of 'k' failed, 2 in a row, next try in 1.5 s: ConnectionError('down')",
    )


def test_each_kind_of_record_says_what_happened(log: RefreshLog, listener: Listener) -> None:
    log.recovered("k", 3)
    log.superseded(("a", 1), 61.25)
    assert listener.said == [
        ("INFO", "cache mine: the load of 'k' succeeded, after 3 that failed"),
        ("WARNING", "cache mine: the load of ('a', 1) has taken 61.2 s; another is started"),
    ]


def test_that_refreshing_early_is_in_vain_is_told_once(log: RefreshLog, listener: Listener) -> None:
    for _ in range(3):
        log.useless(5.0, 7.5)
    assert listener.said == [
        ("WARNING", "cache mine: a load takes 7.5 s and a value lives 5 s; refreshing it early is in vain")
    ]


def test_that_refreshing_early_is_in_vain_is_told_later_if_it_could_not_be(
    still: RefreshLog, clock: MovableClock, listener: Listener
) -> None:
    for _ in range(10):
        still.recovered("k", 1)
    still.useless(5, 7.5)
    clock.advance(1)
    still.useless(5, 7.5)
    still.useless(5, 7.5)
    assert listener.texts[10:] == [
        "cache mine: a load takes 7.5 s and a value lives 5 s; refreshing it early is in vain "
        "(not written before it: 1)"
    ]


def test_at_most_ten_records_are_written_in_any_second_and_the_rest_is_counted(
    still: RefreshLog, clock: MovableClock, listener: Listener
) -> None:
    written: list[float] = []
    listener.then = lambda: written.append(clock.now)
    for step in range(400):
        still.failed(step, ValueError(), 1, 1)
        clock.advance(0.01)
    assert len(written) == 40
    assert all(later - earlier >= 1 - 1e-6 for earlier, later in zip(written, written[10:], strict=False))
    untold = [int(text.split(": ")[-1].rstrip(")")) for text in listener.texts if "not written" in text]
    assert sum(untold) + len(written) + len(still._untold) == 400
    assert len(still._untold) > 0


def test_many_threads_write_no_more_than_ten_at_a_time(
    still: RefreshLog, clock: MovableClock, listener: Listener
) -> None:
    for _ in range(5):
        listener.said.clear()
        for call in all_at_once(8, lambda: [still.failed("k", ValueError(), 1, 1) for _ in range(50)]):
            call.result()
        assert len(listener.said) == 10
        clock.advance(1)
    assert sorted(still._slots) == list(still._slots)
    assert len(still._slots) == 10


@pytest.mark.parametrize(
    ("key", "shown"),
    [("x" * 200, "'" + "x" * 96 + "..."), ("x" * 98, "'" + "x" * 98 + "'"), (b"k", "b'k'")],
    ids=["long", "just short enough", "short"],
)
def test_keys_are_cut(log: RefreshLog, listener: Listener, key: Any, shown: str) -> None:
    log.recovered(key, 1)
    assert listener.texts == [f"cache mine: the load of {shown} succeeded, after 1 that failed"]
    assert len(shown) <= 100


class ShyError(Exception):
    def __repr__(self) -> str:
        raise ValueError


def test_what_has_no_repr_is_told_by_its_type(log: RefreshLog, listener: Listener) -> None:
    log.failed(ShyError(), ShyError(), 1, 1)
    shown = "<a ShyError without repr>"
    assert listener.texts == [f"cache mine: the load of {shown} failed, 1 in a row, next try in 1 s: {shown}"]


def test_a_percent_sign_is_only_a_percent_sign(listener: Listener) -> None:
    RefreshLog("100%s").recovered("%d", 1)
    assert listener.texts == ["cache 100%s: the load of '%d' succeeded, after 1 that failed"]


def test_a_handler_that_raises_raises_into_nobody(log: RefreshLog, listener: Listener) -> None:
    def fail() -> None:
        raise ValueError

    listener.then = fail
    for _ in range(2):
        log.failed("k", ValueError(), 1, 1)
        log.useless(1, 2)
    assert len(listener.said) == 4


def test_an_interrupt_of_a_handler_gets_through_and_ends_with_it(log: RefreshLog, listener: Listener) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    listener.then = interrupt
    with pytest.raises(KeyboardInterrupt):
        log.failed("k", ValueError(), 1, 1)
    listener.then = int
    log.failed("k", ValueError(), 1, 1)
    assert len(listener.said) == 2


def test_a_handler_whose_own_doings_are_to_be_told_is_not_called_again(log: RefreshLog, listener: Listener) -> None:
    listener.then = lambda: [log.failed("inner", ValueError(), 1, 1) for _ in range(3)]
    log.failed("outer", ValueError(), 1, 1)
    listener.then = int
    log.failed("outer", ValueError(), 1, 1)
    assert [text.split(" failed")[0] for text in listener.texts] == ["cache mine: the load of 'outer'"] * 2
    assert listener.texts[1].endswith("(not written before it: 3)")


def test_a_handler_may_use_the_cache(log: RefreshLog, listener: Listener, cache: Cache[Any, Any]) -> None:
    def use() -> None:
        cache["k"] = "written"
        log.recovered("k", 1)
        loaded.append(cache.get_or_load("other", lambda key: "loaded"))

    loaded: list[str] = []
    listener.then = use
    log.failed("k", ValueError(), 1, 1)
    assert (loaded, cache["k"], len(listener.said)) == (["loaded"], "written", 1)


def test_a_slow_handler_holds_up_nobody_who_has_nothing_to_tell(
    still: RefreshLog, clock: MovableClock, listener: Listener
) -> None:
    gate = Gate("handler")
    listener.then = gate.stop
    slow = Call(still.failed, "k", ValueError(), 1, 1)
    gate.reached()
    still.failed("k", ValueError(), 3, 1)
    logging.getLogger("fastcache").setLevel(logging.ERROR)
    still.failed("k", ValueError(), 4, 1)
    gate.open()
    slow.result()
    assert len(listener.said) == 1


def test_threads_have_their_own_say(log: RefreshLog, listener: Listener) -> None:
    # What a handler has another thread do is told, as it is not the handler's own doing.
    def elsewhere() -> None:
        listener.then = int
        # logging holds the handler's lock, so it is not waited for here.
        calls.append(Call(log.failed, "other", ValueError(), 1, 1))

    calls: list[Call[None]] = []
    listener.then = elsewhere
    log.failed("k", ValueError(), 1, 1)
    calls[0].result()
    assert len(listener.said) == 2
    assert threading.current_thread() is not calls[0].thread


def test_without_a_handler_nothing_is_written_anywhere() -> None:
    check_child(
        """
        from fastcache._refresh_log import RefreshLog
        log = RefreshLog("mine")
        log.failed("k", ValueError(), 1, 1)
        log.useless(1, 2)
        """
    )


def test_a_failure_at_the_very_end_of_the_process_raises_nothing() -> None:
    check_child(
        """
        import sys
        from fastcache._refresh_log import RefreshLog
        class Last:
            def __init__(self):
                self.log = RefreshLog("mine")
            def __del__(self):
                self.log.failed("k", ValueError(), 1, 1)
        sys.last = Last()
        sys.last.me = sys.last
        """
    )
