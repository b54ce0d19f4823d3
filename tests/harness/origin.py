"""An origin that fails, is slow and recovers: rows of an SQLite database, each with a version."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from pathlib import Path

# (seconds that a read takes at most, share of reads that fail)
HEALTHY, SLOW, FAILING, RECOVERING = (0.002, 0.0), (0.05, 0.0), (0.01, 1.0), (0.02, 0.3)


class OriginError(Exception):
    """What a read raises that is to fail."""


class Origin:
    """``peak`` is the largest number of reads that were under way at a time."""

    def __init__(self, folder: Path, keys: int, seed: int) -> None:
        self.state = HEALTHY
        self.peak = self.reads = self.errors = 0
        self._path = str(folder / "origin.sqlite")
        self._under_way = 0
        self._lock = threading.Lock()
        self._draw = random.Random(seed)
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        # One connection writes, under the lock.
        self._writer = self._connect()
        self._writer.execute("PRAGMA journal_mode=WAL")
        self._writer.execute("PRAGMA synchronous=OFF")
        self._writer.execute("CREATE TABLE rows (key INTEGER PRIMARY KEY, version INTEGER NOT NULL)")
        self._writer.executemany("INSERT INTO rows VALUES (?, 0)", [(key,) for key in range(keys)])

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, timeout=30, check_same_thread=False)
        self._connections.append(connection)
        return connection

    def close(self) -> None:
        """Once nobody reads any more."""
        for connection in self._connections:
            connection.close()

    def read(self, key: int) -> tuple[int, int]:
        """The key and its version, as they are at the end of the read's delay."""
        longest, failing = self.state
        with self._lock:
            self.reads += 1
            self._under_way += 1
            self.peak = max(self.peak, self._under_way)
            delay, fails = self._draw.uniform(0, longest), self._draw.random() < failing
            self.errors += fails
        try:
            # The delay is what is injected: nothing waits for an order of events here.
            time.sleep(delay)
            if fails:
                raise OriginError(key)
            if not hasattr(self._local, "reader"):
                self._local.reader = self._connect()
            reader: sqlite3.Connection = self._local.reader
            found: tuple[int, int] = reader.execute("SELECT key, version FROM rows WHERE key = ?", (key,)).fetchone()
            return found
        finally:
            with self._lock:
                self._under_way -= 1

    def write(self, key: int) -> int:
        """Raises the version of a key by one and returns it."""
        with self._lock:
            self._writer.execute("UPDATE rows SET version = version + 1 WHERE key = ?", (key,))
            version: int = self._writer.execute("SELECT version FROM rows WHERE key = ?", (key,)).fetchone()[0]
            return version
