"""A FastAPI application served over HTTP: endpoints of both kinds share one load, and dependencies may be cached.

The application is that of ``examples/``, under a real server in a process of its own.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

fastapi = pytest.importorskip("fastapi")
uvicorn = pytest.importorskip("uvicorn")
httpx = pytest.importorskip("httpx")

ROOT = Path(__file__).parents[1]
LIMIT = 60.0
CLIENTS = 4
REQUESTS = 200
# Threads that FastAPI has for ``def`` endpoints.
THREADS = 40
# A thread that loads does not wait.
CROWD = REQUESTS // 2 + THREADS - 1

# Loaders of products that go on until so many callers wait for them; the port on the first line of the output.
SERVER = """
import asyncio, contextlib, socket, sys, time
import uvicorn
import fastapi_app as shop

crowd = int(sys.argv[1])

def everybody_waits():
    return shop.products.flights()[0].waiters >= crowd

def held(number):
    until = time.monotonic() + 60
    while not everybody_waits() and time.monotonic() < until:
        time.sleep(0.005)
    return {**shop.row(number), "crowd": everybody_waits()}

async def held_async(number):
    until = time.monotonic() + 60
    while not everybody_waits() and time.monotonic() < until:
        await asyncio.sleep(0.005)
    return {**shop.row(number), "crowd": everybody_waits()}

shop.query, shop.query_async, shop.QUERY_SECONDS = held, held_async, 0.0
with socket.socket() as listening:
    listening.bind(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    # After its orderly end the server raises the signal again.
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(uvicorn.Config(shop.app, log_level="warning")).run(sockets=[listening])
"""


class Server:
    """The application in a child process, whose loads end once ``crowd`` callers wait for them."""

    def __init__(self, crowd: int) -> None:
        path = os.pathsep.join([str(ROOT / "examples"), *filter(None, sys.path)])
        self._child = subprocess.Popen(
            [sys.executable, "-X", "dev", "-c", SERVER, str(crowd)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        self._watchdog = threading.Timer(LIMIT, self._child.kill)
        self._watchdog.start()
        line = self._child.stdout.readline()  # type: ignore[union-attr]
        self.address = f"http://127.0.0.1:{line.strip()}"

    def stop(self) -> str:
        """As Ctrl+C does; what the server had to say."""
        self._child.send_signal(signal.SIGINT)
        _, errors = self._child.communicate()
        self._watchdog.cancel()
        return errors


@pytest.fixture
def crowded() -> Iterator[Server]:
    yield from served(CROWD)


@pytest.fixture
def alone() -> Iterator[Server]:
    yield from served(0)


def served(crowd: int) -> Iterator[Server]:
    server = Server(crowd)
    try:
        yield server
    finally:
        errors = server.stop()
    assert errors == ""


async def ask(address: str, paths: list[str]) -> list[Any]:
    """All at once, from several clients in turn."""
    clients = [httpx.AsyncClient(base_url=address, timeout=LIMIT, trust_env=False) for _ in range(CLIENTS)]
    try:
        asked = (clients[number % CLIENTS].get(path) for number, path in enumerate(paths))
        return await asyncio.gather(*asked)
    finally:
        for client in clients:
            await client.aclose()


def test_endpoints_of_both_kinds_share_one_load(crowded: Server) -> None:
    paths = [f"/{kind}/products/7" for kind in ("sync", "async")] * (REQUESTS // 2)
    answers = asyncio.run(ask(crowded.address, paths))
    assert {answer.status_code for answer in answers} == {200}
    expected = {"number": 7, "name": "product 7", "crowd": True}
    assert [answer.json() for answer in answers] == [expected] * REQUESTS
    seen = httpx.get(f"{crowded.address}/stats", trust_env=False).json()
    assert seen["loads"] == 1
    assert seen["hits"] + seen["misses"] == REQUESTS
    # A task whose call began the load waits for it, too.
    assert seen["coalesced"] >= CROWD - 1


def test_what_is_not_there_is_remembered_for_both(alone: Server) -> None:
    answers = asyncio.run(ask(alone.address, ["/async/products/0"]))
    answers += asyncio.run(ask(alone.address, ["/sync/products/0"]))
    assert [answer.status_code for answer in answers] == [404, 404]
    assert httpx.get(f"{alone.address}/stats", trust_env=False).json()["loads"] == 1


def test_cached_functions_of_both_kinds_are_dependencies(alone: Server) -> None:
    paths = ["/price?amount=50", "/price?amount=50&currency=USD&customer=friend", "/price?amount=50"]
    assert [answer.json() for answer in asyncio.run(ask(alone.address, paths))] == [50.0, 44.0, 50.0]
    described = httpx.get(f"{alone.address}/openapi.json", trust_env=False).json()
    parameters = described["paths"]["/price"]["get"]["parameters"]
    assert sorted(parameter["name"] for parameter in parameters) == ["amount", "currency", "customer"]
