"""What figures hold for: the machine, the interpreter, the versions, the date."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import sysconfig
from pathlib import Path
from typing import Any

import fastcache
from bench import contenders

FREE_THREADED = contenders.FREE_THREADED
BUILD = "free-threaded" if FREE_THREADED else "gil"
PYTHON = ".".join(platform.python_version_tuple()[:2]) + ("t" if FREE_THREADED else "")


def describe() -> dict[str, Any]:
    known, skipped = contenders.load()
    peers = {contender.distribution for contender in known.values()} - {None, "pyfastcache"}
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": {
            "processor": processor(),
            "processors": os.cpu_count(),
            "system": f"{platform.system()} {platform.machine()}",
            # Of others: what else ran when the measuring began.
            "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        },
        "python": platform.python_version() + ("t" if FREE_THREADED else ""),
        "build": BUILD,
        "compilers": f"{platform.python_compiler()}; {sysconfig.get_config_var('CC') or ''}".rstrip("; "),
        # Run from a folder that is not installed, fastcache has no metadata to ask.
        "versions": {
            "pyfastcache": fastcache.__version__,
            **{peer: importlib.metadata.version(peer) for peer in sorted(filter(None, peers))},
        },
        "skipped": skipped,
    }


def processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
