"""A few connections and the line of threads that wait for one; every query is counted by SQLite."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple


class Answer(NamedTuple):
    total: float
    loaded: float  # perf_counter instant at which the database answered


class Query(NamedTuple):
    """One query as the pool saw it; instants are perf_counter seconds."""

    key: int
    asked: float
    started: float
    finished: float
    waiting: int  # length of the line when this query was asked, itself included if it had to wait
    failed: bool


class PoolClosedError(Exception):
    """The demo is ending; no connection is handed out any more."""


class Pool:
    def __init__(self, path: Path, size: int) -> None:
        self.counted = 0  # statements that SQLite itself reported, guarded by _counting
        self.queries: list[Query] = []
        self._counting = threading.Lock()
        self._free = threading.Condition()  # guards the three below
        self._idle = [self._connect(path) for _ in range(size)]
        self._waiting = 0
        self._closed = False
        self._all = list(self._idle)

    def ask(self, key: int, sql: str, parameters: tuple[Any, ...]) -> Answer:
        asked = time.perf_counter()
        connection, waiting = self._take()
        started = time.perf_counter()
        failed = True
        try:
            row = connection.execute(sql, parameters).fetchone()
            failed = False
        finally:
            finished = time.perf_counter()
            self.queries.append(Query(key, asked, started, finished, waiting, failed))
            self._give_back(connection)
        return Answer(float(row[1]), finished)

    @property
    def waiting(self) -> int:
        return self._waiting

    def close(self) -> None:
        """Refuse further queries, wait for the running ones, close the connections."""
        with self._free:
            self._closed = True
            self._free.notify_all()
            while len(self._idle) < len(self._all):
                self._free.wait()
        for connection in self._all:
            connection.close()

    def _connect(self, path: Path) -> sqlite3.Connection:
        # timeout=0: a locked database fails at once instead of being tried again for a while.
        connection = sqlite3.connect(path, isolation_level=None, timeout=0, check_same_thread=False)
        connection.create_function("sleep", 1, _sleep)
        # Open the file now: otherwise the first query of each connection also reads the schema.
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        connection.set_trace_callback(self._count)
        return connection

    def _count(self, _statement: str) -> None:
        with self._counting:
            self.counted += 1

    def _take(self) -> tuple[sqlite3.Connection, int]:
        with self._free:
            waiting = 0
            if not self._idle:
                self._waiting += 1
                waiting = self._waiting
                try:
                    while not self._idle and not self._closed:
                        self._free.wait()
                finally:
                    self._waiting -= 1
            if self._closed:
                raise PoolClosedError
            return self._idle.pop(), waiting

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._free:
            self._idle.append(connection)
            if self._closed:
                self._free.notify_all()
            else:
                self._free.notify()


def _sleep(milliseconds: float) -> float:
    """The latency of a database that waits for its disk: SQLite is inside the query, the GIL is free."""
    time.sleep(milliseconds / 1000)
    return milliseconds
