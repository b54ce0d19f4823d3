"""One file for each library; ``load()`` gives those that can be used here and says why others cannot."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import subprocess
import sys
import sysconfig
import warnings

from bench.contender import Contender

# In the order of the report; module of bench.contenders, and what it imports.
LIBRARIES = {
    "of_python": None,
    "of_fastcache": "fastcache",
    "of_cachebox": "cachebox",
    "of_cachetools": "cachetools",
    "of_theine": "theine",
    "of_moka": "moka_py",
    "of_lru_dict": "lru",
    "of_async_lru": "async_lru",
    "of_cashews": "cashews",
    "of_aiocache": "aiocache",
    "of_dogpile": "dogpile.cache",
    "by_hand": None,
}
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


@functools.cache
def load() -> tuple[dict[str, Contender], dict[str, str]]:
    """Contenders by name, and for each library that is left out the reason."""
    contenders: dict[str, Contender] = {}
    skipped: dict[str, str] = {}
    for module, library in LIBRARIES.items():
        reason = library and _unusable(library)
        if reason:
            skipped[library] = reason
            continue
        found = importlib.import_module(f"bench.contenders.{module}").CONTENDERS
        contenders.update((contender.name, contender) for contender in found)
    return contenders, skipped


def _unusable(library: str) -> str | None:
    """Why a library cannot take part; a module that switches the GIL on would spoil everybody's figures."""
    if importlib.util.find_spec(library.partition(".")[0]) is None:
        return "not installed"
    if FREE_THREADED:
        code = f"import sys, {library}; raise SystemExit(3 if sys._is_gil_enabled() else 0)"
        child = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, check=False)
        if child.returncode == 3:
            return "switches the GIL on"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module(library)
    except ImportError as error:
        return f"cannot be imported: {error}"
    return None
