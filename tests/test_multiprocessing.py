"""Caches in the workers that multiprocessing and a preloading server make of a process that uses them."""

from __future__ import annotations

import multiprocessing
import sys

import pytest

from tests.harness.child import check_child

# Python 3.12 and later warn of any fork with threads.
OPTIONS = ("-W", "error", "-W", "ignore::DeprecationWarning")

WORKERS = """
import sys, tempfile, threading
from pathlib import Path

# spawn imports the main module anew.
PROGRAM = '''
import multiprocessing, os, sys, time
from fastcache import Cache, cached
from tests.harness.gates import Call, HeldLoader, await_no_flights, await_until

cache = Cache(100, 60)

@cached(maxsize=10, ttl=0.001, stale_while_revalidate=60)
def square(n):
    return n * n, os.getpid()

def work(n):
    held = cache.get_or_load("held", lambda key: ("own", os.getpid()))
    mine = cache.get_or_load(n, lambda key: (key, os.getpid()))
    for _ in range(3):
        assert square(n)[0] == n * n
        time.sleep(0.002)
    await_until(lambda: square(n)[1] == os.getpid(), "a reload in this process")
    cache._check()
    return held[0], mine[1] == os.getpid(), cache.get("parent")

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    cache["parent"] = "value"
    square(3)
    loader = HeldLoader(("parent", 0))
    call = Call(cache.get_or_load, "held", loader)
    loader.gate.reached()
    with context.Pool(3) as pool:
        told = set(pool.map(work, range(30), chunksize=1))
        pool.close()
        pool.join()
    loader.gate.open()
    print(*sorted(told, key=str), call.result()[0])
'''
import subprocess
with tempfile.TemporaryDirectory() as folder:
    program = Path(folder, "program.py")
    program.write_text(PROGRAM)
    ran = subprocess.run([sys.executable, *sys.argv[2:], str(program), sys.argv[1]], capture_output=True, text=True)
print(ran.stdout.strip(), ran.stderr.strip(), ran.returncode)
"""


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_workers_of_a_pool_load_and_reload_by_themselves(method: str) -> None:
    # What is in the cache comes along with a fork of this very process alone.
    parents = "'value'" if method == "fork" else "None"
    check_child(WORKERS, method, *OPTIONS, out=f"('own', True, {parents}) parent  0", options=OPTIONS)


@pytest.mark.skipif(sys.platform == "win32", reason="no fork here")
def test_workers_of_a_preloaded_gunicorn_serve_and_reload() -> None:
    pytest.importorskip("gunicorn")
    check_child(
        """
        import os, re, signal, subprocess, sys, tempfile, threading, time, urllib.request
        from pathlib import Path

        PROGRAM = '''
        import os, threading, time
        from fastcache import Cache

        cache = Cache(100, 0.02, stale_while_revalidate=60)
        begun = threading.Event()
        # While the workers are forked this load is under way, and the value below is being reloaded.
        def load(key):
            begun.set()
            time.sleep(60)

        threading.Thread(target=cache.get_or_load, args=("held", load), daemon=True).start()
        begun.wait()
        cache["page"] = "parent"
        time.sleep(0.05)
        cache.get_or_load("page", lambda key: time.sleep(60))

        def app(environ, start_response):
            held = cache.get_or_load("held", lambda key: "own")
            page = cache.get_or_load("page", lambda key: str(os.getpid()))
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [f"{os.getpid()} {held} {page}".encode()]
        '''
        with tempfile.TemporaryDirectory() as folder:
            import textwrap
            Path(folder, "program.py").write_text(textwrap.dedent(PROGRAM))
            server = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "--preload", "--workers", "3", "--bind", "127.0.0.1:0",
                 "program:app"], cwd=folder, stderr=subprocess.PIPE, text=True,
            )
            try:
                port = next(found[1] for line in server.stderr if (found := re.search(r"127.0.0.1:(\\d+)", line)))
                reader = threading.Thread(target=server.stderr.read, daemon=True)
                reader.start()
                reloaded, until = set(), time.monotonic() + 60
                while len(reloaded) < 2 and time.monotonic() < until:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20) as answer:
                        worker, held, page = answer.read().decode().split()
                    assert held == "own", held
                    if page == worker:
                        reloaded.add(worker)
                print(len(reloaded) >= 2)
            finally:
                server.send_signal(signal.SIGTERM)
                server.wait(20)
                reader.join()
                server.stderr.close()
        """,
        out="True",
        options=OPTIONS,
    )
