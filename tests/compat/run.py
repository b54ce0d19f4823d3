"""Runs a suite in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess

from tests.compat.place import ROOT, Place, place
from tests.compat.suite import Outcome, Suite

# Seconds for one suite.
LIMIT = 900


def run(suite: Suite) -> Outcome:
    try:
        where = place(suite)
    except (subprocess.CalledProcessError, ValueError) as error:
        return Outcome(suite, 0, {}, {}, {}, str(error))
    order, results = where.folder / "order.json", where.folder / "results.json"
    results.unlink(missing_ok=True)
    order.write_text(json.dumps({"deselected": dict(suite.deselected), "results": str(results)}))
    ended = subprocess.run(
        _command(suite, where),
        cwd=where.top,
        env={**os.environ, "PYTHONPATH": _path(where), "PYTHONSAFEPATH": "1", "FASTCACHE_COMPAT": str(order)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=LIMIT,
    )
    (where.folder / "log.txt").write_text(ended.stdout)
    # 0: all passed, 1: some failed.  All else is not an end.
    if ended.returncode not in (0, 1) or not results.exists():
        return Outcome(suite, 0, {}, {}, {}, ended.stdout[-4000:])
    found = json.loads(results.read_text())
    by_end: dict[str, dict[str, str]] = {"passed": {}, "failed": {}, "skipped": {}}
    for name, (end, text) in found["ends"].items():
        by_end[end][name] = text
    left_out = {pattern: len(names) for pattern, names in found["deselected"].items()}
    return Outcome(suite, len(by_end["passed"]), by_end["failed"], by_end["skipped"], left_out)


def _command(suite: Suite, where: Place) -> list[str]:
    configuration = where.folder / "pytest.ini"
    # Empty, for theirs may ask for plugins and options that are not wanted here.
    configuration.write_text("[pytest]\n")
    if where.top == ROOT:
        configuration = ROOT / "pyproject.toml"
    plugins = [word for plugin in ("recording", *suite.plugins) for word in ("-p", plugin)]
    return [
        str(where.python), "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugins,
        "-c", str(configuration), f"--rootdir={where.top}", *suite.options, *suite.tests,
    ]  # fmt: skip


def _path(where: Place) -> str:
    # The package as it was built in place, before one of its name among the tests; its metadata; plugins; the tests.
    parts = ROOT / "src", where.folder / "metadata", ROOT / "tests" / "compat" / "plugins", where.top
    return os.pathsep.join(map(str, parts))
