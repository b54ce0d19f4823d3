"""Code run in a process of its own, with a hard limit: what hangs or crashes there fails one test only."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from typing import NamedTuple

# Seconds a child has.
LIMIT = 90.0


class Child(NamedTuple):
    """How a child ended."""

    code: int
    out: str
    err: str


def run_child(snippet: str, *args: str, limit: float = LIMIT, options: tuple[str, ...] = ("-W", "error")) -> Child:
    """Runs a snippet (dedented; ``args`` are its sys.argv[1:]) and returns how it ended.

    At the limit it is made to print the stacks of its threads, is killed with all its children, and AssertionError
    shows what it printed.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen(
        [sys.executable, "-X", "faulthandler", *options, "-c", textwrap.dedent(snippet), *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=os.name == "posix",
    )
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        out, err = _put_down(process)
        raise AssertionError(f"the child did not end in {limit} s\n{out}\n{err}") from None
    except BaseException:
        _put_down(process)
        raise
    return Child(process.returncode, out, err)


def check_child(
    snippet: str, *args: str, out: str = "", limit: float = LIMIT, options: tuple[str, ...] = ("-W", "error")
) -> None:
    """Runs a snippet that must end well, printing just ``out`` (whitespace at both ends aside), and no error."""
    child = run_child(snippet, *args, limit=limit, options=options)
    ended = (child.code, child.err, child.out.strip())
    assert ended == (0, "", out.strip()), f"exit code {child.code}; expected {out!r}, got:\n{child.out}\n{child.err}"


def _put_down(process: subprocess.Popen[str]) -> tuple[str, str]:
    if os.name != "posix":
        process.kill()
        return process.communicate()
    with contextlib.suppress(ProcessLookupError):
        # faulthandler prints all stacks on this one.
        process.send_signal(signal.SIGABRT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(2.0)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.communicate()
