"""A real SQLite file whose report is slow because it reads every order."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median

REPORT = "SELECT count(*), sum(quantity * price), max(price) FROM orders WHERE id BETWEEN ? AND ?"
SLEEP = "SELECT 1, sleep(?), ?"

_TABLE = "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER, quantity INTEGER, price REAL)"
_ORDERS = """
WITH RECURSIVE n(id) AS (SELECT ? UNION ALL SELECT id + 1 FROM n WHERE id < ?)
INSERT INTO orders SELECT id, id * 7919 % 1000, 1 + id * 31 % 9, (id * 104729 % 10007) / 100.0 FROM n
"""
_SAMPLE = 40_000
_MOST = 4_000_000
_ROUNDS = 4


@dataclass(frozen=True)
class Database:
    path: Path
    rows: int
    query_ms: float  # of the report on all rows, alone on the machine

    def part(self, key: int, share: float) -> tuple[int, int]:
        """The range of orders that key's report reads: a share of the table, another one for each key."""
        length = max(1, int(self.rows * share))
        first = 1 + key * 7919 % max(1, self.rows - length)
        return first, first + length - 1


def build(path: Path, crowd_ms: float, crowd: int) -> Database:
    """Write as many orders as make the report take crowd_ms on this machine when a crowd asks for it at once.

    The crowd counts, not the single query: a herd keeps every connection busy, so the time that it
    takes then follows neither the number of cores nor what else the machine does.
    """
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        # Rollback journal: in it an exclusive lock shuts readers out too, which is how the outage is made.
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute(_TABLE)
        connection.execute(_ORDERS, (1, _SAMPLE))
        rows = int(_SAMPLE * crowd_ms / _crowd_ms(path, _SAMPLE, crowd))
        rows = min(max(rows, _SAMPLE + 1), _MOST)
        connection.execute(_ORDERS, (_SAMPLE + 1, rows))
        return Database(path, rows, _report_ms(connection, rows))


def _report_ms(connection: sqlite3.Connection, rows: int) -> float:
    def once() -> float:
        started = time.perf_counter()
        connection.execute(REPORT, (1, rows)).fetchall()
        return 1000 * (time.perf_counter() - started)

    return min(once() for _ in range(5))


def _crowd_ms(path: Path, rows: int, crowd: int) -> float:
    took: list[float] = []
    together = threading.Barrier(crowd)

    def ask() -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            _report_ms(connection, 1)
            for _ in range(_ROUNDS):
                together.wait()
                started = time.perf_counter()
                connection.execute(REPORT, (1, rows)).fetchall()
                took.append(1000 * (time.perf_counter() - started))

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(crowd)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return median(took)


class Outage(threading.Thread):
    """The database down for a while: another connection holds the file exclusively, nobody gets in."""

    def __init__(self, path: Path, begins: float, ends: float) -> None:
        super().__init__(name="outage", daemon=True)
        self._path = path
        self._begins = begins
        self._ends = ends
        self._over = threading.Event()
        self.down: tuple[float, float] | None = None  # perf_counter instants, once it is over

    def run(self) -> None:
        with closing(sqlite3.connect(self._path, isolation_level=None, timeout=10)) as connection:
            self._over.wait(self._begins - time.perf_counter())
            connection.execute("BEGIN EXCLUSIVE")
            locked = time.perf_counter()
            self._over.wait(self._ends - time.perf_counter())
            connection.execute("ROLLBACK")
            self.down = (locked, time.perf_counter())

    def end(self) -> None:
        self._over.set()
        self.join()
