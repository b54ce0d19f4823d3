"""Installs what the benchmarks use, one after the other: a peer that cannot be installed is named and left out."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def main() -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--prefer-binary"]
    for requirement in tomllib.loads(PROJECT.read_text())["dependency-groups"]["bench"]:
        if subprocess.run([*pip, requirement], check=False).returncode:
            print(f"bench: {requirement} could not be installed; the report goes without it", file=sys.stderr)


if __name__ == "__main__":
    main()
