"""Builds the programs of this folder against the core's headers, and runs them.

A program is run alone, with ``bare/Python.h`` in CPython's place, or as an extension module in this interpreter.
"""

from __future__ import annotations

import functools
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent
HEADERS = FOLDER.parents[2] / "src" / "fastcache" / "_core"
# What ThreadSanitizer cannot know of the interpreter.
SUPPRESSIONS = FOLDER.parent / "tsan.supp"
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
# Seconds that one program has for each unit of effort.
LIMIT = 60.0

# What the compiler is told, by what is to be found.
BUILDS = {
    "plain": ("-O2",),
    # It knows no fences, and warns of them: what they order is for `orders` to show.
    "thread": ("-O1", "-fsanitize=thread"),
    "address": ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
    "undefined": ("-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all"),
}
# What has to be there before the interpreter, which is not built with it.
LIBRARIES = {
    "plain": (),
    "thread": ("libtsan.so",),
    "address": ("libasan.so", "libubsan.so"),
    "undefined": ("libubsan.so",),
}
# Some systems lack the barrier of POSIX threads.
NOTHING = """
#include <pthread.h>
int main(void) { pthread_barrier_t b; return pthread_barrier_init(&b, NULL, 1); }
"""


class Program(NamedTuple):
    """One program, run in one way."""

    name: str
    inside: bool = False
    flags: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join([self.name, *self.flags, *(["in the interpreter"] if self.inside else [])])


ALONE = [
    *map(Program, ("atomics", "mutex", "seqlock", "shelf", "orders", "entry", "pages", "words", "hash")),
    # As compilers have it that lack what these have.
    Program("words", flags=("-U__SSE2__",)),
    Program("hash", flags=("-U__SIZEOF_INT128__",)),
]
# On builds with a GIL nothing is left of the rest, for there the GIL is the lock.
INSIDE = [
    Program(name, inside=True)
    for name in ("equal", "ready", *(("atomics", "mutex", "seqlock", "shelf", "glimpse") if FREE_THREADED else ()))
]
PROGRAMS = [*ALONE, *INSIDE]
# There is nothing in the rest that ThreadSanitizer could find.
THREADED = {"atomics", "mutex", "seqlock", "shelf", *(("ready", "glimpse") if FREE_THREADED else ())}


def programs(build: str) -> list[Program]:
    """Those that are worth being built so."""
    return [program for program in PROGRAMS if build != "thread" or program.name in THREADED]


class Outcome(NamedTuple):
    """How a program ended: its exit code, or None if it did not in time; and all that it said."""

    code: int | None
    text: str


def compiler() -> list[str]:
    """The one that extensions of this interpreter are built with; [] if it is not there."""
    command = shlex.split(sysconfig.get_config_var("CC") or "cc")
    return command if shutil.which(command[0]) else []


@functools.cache
def library(name: str) -> str | None:
    """Where the compiler has a library, or None."""
    command = [*compiler(), f"-print-file-name={name}"]
    path = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return path if os.path.isabs(path) else None


@functools.cache
def why_not(build: str) -> str | None:
    """Why nothing can be built so, or run; or None."""
    if os.name != "posix":
        return "the programs use POSIX threads"
    if not compiler():
        return "there is no compiler"
    missing = [name for name in LIBRARIES[build] if library(name) is None]
    if missing:
        return f"the compiler has no {' and no '.join(missing)}"
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "nothing.c")
        source.write_text(NOTHING)
        made = source.with_suffix("")
        for command in ([*compiler(), "-pthread", *BUILDS[build], str(source), "-o", str(made)], [str(made)]):
            if subprocess.run(command, capture_output=True, check=False).returncode != 0:
                return f"programs built with {' '.join(BUILDS[build])} do not run here"
    return None


def build_program(program: Program, build: str, folder: Path, headers: Path = HEADERS) -> Path:
    """Compiles a program into a folder; AssertionError shows what the compiler has against it."""
    includes = [headers, FOLDER, sysconfig.get_path("include") if program.inside else FOLDER / "bare"]
    made = folder / (program.name + (sysconfig.get_config_var("EXT_SUFFIX") if program.inside else ""))
    command = [
        *(*compiler(), "-std=gnu11", "-g", "-pthread", *BUILDS[build], *program.flags),
        *(("-DHARNESS_MODULE", "-fPIC", "-shared") if program.inside else ()),
        *(f"-I{path}" for path in includes),
        *(str(FOLDER / f"{program.name}.c"), "-o", str(made)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stderr}"
    return made


def run_program(program: Program, build: str, made: Path, effort: int = 1) -> Outcome:
    """Runs what ``build_program`` made."""
    command = [str(made), str(effort)]
    environment = {
        **os.environ,
        "ASAN_OPTIONS": "detect_leaks=0" if program.inside else "",
        "TSAN_OPTIONS": "history_size=6",
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }
    environment.pop("LD_PRELOAD", None)
    if program.inside:
        snippet = f"import sys; sys.path.insert(0, sys.argv[1]); import {program.name}; {program.name}.run({effort})"
        command = [sys.executable, "-c", snippet, str(made.parent)]
        environment["LD_PRELOAD"] = " ".join(str(library(name)) for name in LIBRARIES[build])
        environment["TSAN_OPTIONS"] += f":report_thread_leaks=0:intercept_tls_get_addr=0:suppressions={SUPPRESSIONS}"
        # So that AddressSanitizer knows where objects end.
        environment["PYTHONMALLOC"] = "malloc" if build == "address" and not FREE_THREADED else "default"
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            timeout=LIMIT * effort,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        said = late.stdout.decode(errors="replace") if isinstance(late.stdout, bytes) else late.stdout or ""
        return Outcome(None, f"{said}\nit did not end in {LIMIT * effort} s")
    return Outcome(done.returncode, done.stdout)
