"""The repository itself: who may import whom, sizes, what is packed, and that the README tells the truth."""

from __future__ import annotations

import ast
import asyncio
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import fastcache

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src" / "fastcache"

pytestmark = [pytest.mark.skipif(not SRC.is_dir(), reason="the sources are not here"), pytest.mark.once]

# From the bottom up.  A module imports only from layers below its own.
LAYERS = {
    "words of types": "_typing",
    "what is alive": "_registry",
    "durations": "_histogram",
    "what is lost together": "_core.residence",
    "plain words": "_errors _percent _sizes _stats _home _rope _core.__init__ _core.py _core.mutex "
    "_core.clock _core.seconds _core.jitter _core.method _core.shelf _refresh_log testing._executors testing._held",
    "what tags remember": "_core.expiries",
    "where followers stand": "_core.door",
    "small things": "_core.key _core.ledger _core.grave _core.weights _core.calls _core.flight _core.ask "
    "_core.movable _core.seqlock _core.histogram _core.tag _core.ready _core.seat",
    "the key of a call": "_core.callkey",
    "types of options": "_types",
    "copies": "_copies",
    "walks, and places of loads": "_core.walk _core.place",
    "greenlets": "_core.greenlet",
    "threads for those who wait": "_threads",
    "who waits for whom": "_core.graph",
    "who is told of an end": "_core.watch _core.bell",
    "doors, and refreshes": "_doors _refresh",
    "so many loads at a time": "_bulkhead",
    "how greenlets wait": "_greenlets",
    "what a load came to": "_core.outcome",
    "entries, and what loaders say of them": "_core.entry _core.context",
    "glimpses": "_core.glimpse",
    "counts of threads": "_core.tally",
    "a search": "_core.probe",
    "slots": "_core.chunks",
    "their index": "_core.index",
    "a table": "_core.table",
    "what orders are made of": "_core.ghost _core.links _core.queue _core.share",
    "a hand over the slots": "_core.hand",
    "the default order": "_core.adaptive",
    "its order": "_core.evict",
    "its options": "_core.rules",
    "a stripe": "_core.stripe",
    "absences in a stripe": "_core.stripe_absences",
    "what its entries hold": "_core.stripe_content",
    "room in a stripe": "_core.stripe_room",
    "what is done to it": "_core.stripe_values _core.stripe_whole _core.stripe_begin _core.stripe_loads _core.reader",
    "many stripes": "_core.core",
    "a first look": "_core.glance",
    "what one stripe has to do with others": "_core.upkeep",
    "one operation": "_core.visit",
    "what is done to all stripes": "_core.cores _core.listing _core.swap",
    "the usual load, and the usual miss": "_core.cold _core.miss",
    "the options of a call": "_core.terms",
    "a store": "_core.store",
    "a mapping": "_core.mapping",
    "a store that takes loads in": "_core.landing",
    "loads in other threads": "_core.errand",
    "a store that loads": "_core.loading",
    "its face": "_core.getting",
    "a task's call": "_core.approach",
    "its face for tasks": "_core.awaiting",
    "keys that are loaded together": "_core.batch",
    "a task's load of them": "_core.batch_errand",
    "calls of many keys": "_core.bulk",
    "calls of many keys by tasks": "_core.rounds",
    "a function's store": "_core.function",
    "options and views": "_config _views _batches _patience testing._caches",
    "batches of tasks": "_task_batches",
    "options of loads, and what copies hold": "_load_config _duplicate",
    "loads in tasks": "_task_loads",
    "how tasks wait": "_aio",
    "what stores do in the background": "_background",
    "all options": "_options _renewal _namespace",
    "loads ahead": "_ahead",
    "what users make": "_cache _single _policy _fork testing.__init__",
    "what decorators need": "_methods _async_marks _lasting",
    "how functools keeps results": "_memo",
    "the decorators": "_decorator _lru_cache _clru_cache",
    "applications": "asgi",
    "stand-ins": "compat.__init__ compat.amend compat.copying compat.alru",
    "a backend's store": "compat.backend_store",
    "stores by name": "compat.stores",
    "cachetools: keys and timers, and who leaves": "compat.cachetools.keys compat.cachetools.timer "
    "compat.cachetools.leaving",
    "cachetools: a store": "compat.cachetools.ordered",
    "cachetools: its classes": "compat.cachetools.cache",
    "cachetools: those that know the time": "compat.cachetools.timed",
    "cachetools: counts of calls": "compat.cachetools.info",
    "cachetools: a call": "compat.cachetools.memo",
    "cachetools: its decorators": "compat.cachetools.function compat.cachetools.method compat.cachetools.func",
    "cachetools": "compat.cachetools.__init__",
    "dogpile: mutexes": "dogpile.mutex",
    "backends": "django.backend cachelib.backend dogpile.backend",
    "packages of backends": "django.__init__ cachelib.__init__ dogpile.__init__",
    "Flask, upon cachelib": "flask.backend flask.cache",
    "Flask": "flask.__init__",
    "the public names": "__init__",
    "the command": "__main__",
}
LEVELS = {name: level for level, names in enumerate(LAYERS.values()) for name in names.split()}
# The demo is a layer of its own, that of its users' programs; only the command runs it.
DEMO = LEVELS["__main__"] - 0.5


def modules(*suffixes: str) -> Iterator[tuple[str, Path]]:
    for path in sorted(SRC.rglob("*")):
        if path.suffix in suffixes:
            yield path.relative_to(SRC).with_suffix("").as_posix().replace("/", "."), path


def imported(path: Path) -> Iterator[str]:
    """Full names of the modules that a file imports or cimports."""
    text = path.read_text()
    if path.suffix != ".py":
        yield from re.findall(r"^\s*from\s+(\S+)\s+c?import\b", text, re.MULTILINE)
        yield from re.findall(r"^\s*c?import\s+(\S+)", text, re.MULTILINE)
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = ["fastcache", *path.relative_to(SRC).parts[: -node.level]] if node.level else []
            module = ".".join([*package, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names) if module == "fastcache" else [module]


def edges(*suffixes: str) -> Iterator[tuple[str, str]]:
    """(importing module, imported one) within the package, the demo aside."""
    for name, path in modules(*suffixes):
        if not name.startswith("_demo"):
            for target in imported(path):
                own = target.removeprefix("fastcache.")
                if own not in (target, name):
                    yield name, own


def test_every_module_has_a_layer() -> None:
    present = {name for name, _ in modules(".py", ".pyx", ".pxd") if not name.startswith("_demo")}
    assert sorted(present) == sorted(LEVELS)


def test_imports_point_down_only() -> None:
    wrong = [(a, b) for a, b in edges(".py", ".pyx", ".pxd") if LEVELS[a] <= LEVELS.get(b, DEMO)]
    assert wrong == []


def test_the_core_knows_nothing_of_the_rest_but_its_errors() -> None:
    known = {b for a, b in edges(".py", ".pyx", ".pxd") if a.startswith("_core") and not b.startswith("_core")}
    assert {"_errors"} == known


def test_every_module_that_hashes_keys_has_their_salt() -> None:
    """Each has a copy of it; one that is never drawn finds no key that another module has written."""
    paths = [*(path for _, path in modules(".pyx")), *(ROOT / "tests" / "native").glob("*.pyx")]
    texts = {path: path.read_text() for path in paths}
    hashing = {"fastcache._core.key", "fastcache._core.listing", "fastcache._core.callkey"}
    needing = {path for path in texts if hashing & set(imported(path))}
    assert needing == {path for path, text in texts.items() if "\ndraw_salt()\n" in text}
    assert len(needing) > 5


def test_the_demo_uses_public_names_only() -> None:
    private = [
        (name, target)
        for name, path in modules(".py")
        if name.startswith("_demo")
        for target in imported(path)
        if target.startswith("fastcache._") and not target.startswith("fastcache._demo")
    ]
    assert private == []


def test_the_benchmarks_use_public_names_only() -> None:
    paths = sorted((ROOT / "bench").rglob("*.py"))
    private = [(path, target) for path in paths for target in imported(path) if target.startswith("fastcache._")]
    assert private == []


# What the package of each framework's stand-in may import besides.
FRAMEWORKS = {
    "django": {"django"},
    "flask": {"flask", "flask_caching"},
    "cachelib": {"cachelib"},
    "dogpile": {"dogpile"},
}


def test_nothing_but_the_demo_and_stand_ins_needs_another_distribution() -> None:
    known = {*sys.stdlib_module_names, "fastcache", "cython", "cpython", "libc"}
    others = [
        (name, target)
        for name, path in modules(".py", ".pyx", ".pxd")
        if not name.startswith("_demo")
        for target in imported(path)
        # For type checkers, which bring it.
        if target.split(".")[0] not in known | {"typing_extensions"} | FRAMEWORKS.get(name.split(".")[0], set())
    ]
    assert others == []


def test_no_framework_is_imported_with_the_package_itself() -> None:
    stand_ins = ("compat", *FRAMEWORKS)
    wrong = [(a, b) for a, b in edges(".py", ".pyx", ".pxd") if b.startswith(stand_ins) and not a.startswith(stand_ins)]
    assert wrong == []


def test_no_file_is_long() -> None:
    lengths = {path: len(path.read_text().splitlines()) for _, path in modules(".py", ".pyi", ".pyx", ".pxd", ".h")}
    for path in (ROOT / "tests" / "native" / "harness").rglob("*.[ch]"):
        lengths[path] = len(path.read_text().splitlines())
    assert {path: length for path, length in lengths.items() if length > 350} == {}


def test_every_file_says_what_it_is() -> None:
    docstrings = {path: ast.get_docstring(ast.parse(path.read_text())) for _, path in modules(".py")}
    assert [path for path, text in docstrings.items() if not text] == []
    assert [path for _, path in modules(".pyx", ".pxd") if not path.read_text().startswith('"""')] == []


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == fastcache.__version__


def test_the_public_names_are_those_of_all() -> None:
    assert sorted(fastcache.__all__) == fastcache.__all__
    assert [name for name in fastcache.__all__ if not hasattr(fastcache, name)] == []


def test_the_examples_of_the_readme_run() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 3

    async def fetch(number: int) -> str:
        return f"row {number}"

    names: dict[str, Any] = {
        "load_user": lambda number: f"user {number}",
        "query": lambda number: f"row {number}",
        "fetch": fetch,
    }
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    assert (names["user"], names["product"](7)) == ("user 42", "row 7")
    assert asyncio.run(names["show"]()) == ("row 7", "user 42")


def test_the_source_distribution_takes_all_sources_and_nothing_built(monkeypatch: pytest.MonkeyPatch) -> None:
    egg_info = pytest.importorskip("setuptools.command.egg_info")
    monkeypatch.chdir(ROOT)
    packed = egg_info.FileList()
    for line in Path("MANIFEST.in").read_text().splitlines():
        packed.process_template_line(line)
    sources = {
        path.as_posix()
        for folder in ("src", "tests", "bench", "examples")
        for path in Path(folder).rglob("*")
        if path.suffix in {".py", ".pyi", ".pyx", ".pxd", ".h", ".typed"}
    }
    written = {path.as_posix() for path in Path("tests/native/harness").glob("*.c")}
    assert set() == (sources | written) - set(packed.files)
    assert {name for name in packed.files if Path(name).suffix in {".c", ".so", ".pyd", ".pyc"}} == written


# Out of an except clause, at whatever depth in it.
JUMP = r"^( *)except\b.*:\n(?:\1 +.*\n|\n)*?\1 +(return|continue|break)\b.*"


def test_native_code_keeps_from_what_cython_makes_wrong_where_memory_is_short() -> None:
    # Of a comprehension whose items are new objects, an append that fails drops the item twice; a jump out of an except
    # clause drops a traceback that could not be made.
    text = {name: path.read_text() for name, path in modules(".pyx", ".pxd")}
    comprehensions = [name for name, code in text.items() if re.search(r"\[[^\[\]#]*\)\s+for\s", code)]
    jumps = [(name, clause.group()) for name, code in text.items() for clause in re.finditer(JUMP, code, re.MULTILINE)]
    assert (comprehensions, jumps) == ([], [])
