"""Where a suite runs: an environment of its own, filled from the package index, and the source of its tests."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.compat.suite import Suite

ROOT = Path(__file__).parents[2]
HOME = ROOT / ".venv-compat"
PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check")


@dataclass(frozen=True)
class Place:
    """An environment's interpreter, its folder, and the top of the unpacked source."""

    python: Path
    folder: Path
    top: Path


def place(suite: Suite) -> Place:
    """Makes what is missing; the source is unpacked anew each time."""
    folder = HOME / f"{sys.version_info[0]}.{sys.version_info[1]}" / suite.name
    python = folder / "bin" / "python"
    wanted = ["pytest>=8", *suite.needs, *([suite.requirement] if suite.requirement else [])]
    installed = folder / "installed.txt"
    if not installed.exists() or installed.read_text() != "\n".join(wanted):
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, *PIP, "install", "--prefer-binary", *wanted], check=True)
        installed.write_text("\n".join(wanted))
    _describe(folder)
    return Place(python, folder, _source(suite, python, folder) if suite.requirement else ROOT)


def _describe(folder: Path) -> None:
    """Writes the metadata of fastcache, with its entry points, where the suite's Python finds them."""
    metadata = folder / "metadata"
    metadata.mkdir(exist_ok=True)
    command = [sys.executable, "-W", "ignore", "setup.py", "-q", "egg_info", "--egg-base", metadata]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _source(suite: Suite, python: Path, folder: Path) -> Path:
    archives = HOME / "archives" / suite.requirement
    if not archives.is_dir():
        # It gets its name once it is complete.
        begun = archives.with_name(f"{suite.requirement}.begun")
        shutil.rmtree(begun, ignore_errors=True)
        download = ["download", "--no-deps", f"--no-binary={suite.distribution}", "--dest", begun, suite.requirement]
        subprocess.run([python, *PIP, *download], check=True)
        begun.rename(archives)
    (archive,) = archives.iterdir()
    unpacked = folder / "source"
    shutil.rmtree(unpacked, ignore_errors=True)
    with tarfile.open(archive) as packed:
        packed.extractall(unpacked, filter="data")
    (top,) = unpacked.iterdir()
    for name, replacements in suite.edits.items():
        text = (top / name).read_text()
        for old, new in replacements.items():
            if old not in text:
                raise ValueError(f"{suite.requirement}: {name} has no {old!r}")
            text = text.replace(old, new)
        (top / name).write_text(text)
    return top
