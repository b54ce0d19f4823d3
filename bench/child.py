"""Measurements that need a process of their own: ``python -m bench.<module> <arguments>`` prints one line of JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def start(module: str, *arguments: object) -> subprocess.Popen[str]:
    # Hashes are the same in each child, so that all meet the same collisions.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-m", f"bench.{module}", *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def run(module: str, *arguments: object) -> Any:
    child = start(module, *arguments)
    output, errors = child.communicate()
    if child.returncode:
        raise RuntimeError(f"bench.{module} {arguments}: {errors.strip()}")
    return json.loads(output)
