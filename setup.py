"""The native extensions; everything else is declared in pyproject.toml.

FASTCACHE_DEBUG=1     assertions inside the native core, and no optimisation
FASTCACHE_PROBE=1     also build the test-only window on the core (tests/native)
FASTCACHE_COVERAGE=1  gcov line coverage of the .pxd files
FASTCACHE_LOCKED_READS=1  on a free-threaded Python, reads take their stripe's lock
FASTCACHE_SANITIZE=address|thread|undefined  built with that sanitizer of GCC; its library is to be preloaded
"""

import os
import sys

from Cython.Build import cythonize
from setuptools import Extension, setup

MSVC = sys.platform == "win32"
DEBUG = os.environ.get("FASTCACHE_DEBUG") == "1"
COVERAGE = os.environ.get("FASTCACHE_COVERAGE") == "1"
SANITIZE = os.environ.get("FASTCACHE_SANITIZE")

compile_args = ["/O2"] if MSVC else ["-O3", "-g0", "-fvisibility=hidden", "-Wno-unreachable-code"]
link_args: list[str] = []
macros: list[tuple[str, str | None]] = [("FASTCACHE_DEBUG", "1" if DEBUG else "0")]
if os.environ.get("FASTCACHE_LOCKED_READS") == "1":
    macros.append(("FASTCACHE_LOCKED_READS", "1"))
if DEBUG and not MSVC:
    compile_args = ["-O1", "-g", "-UNDEBUG"]
if COVERAGE and not MSVC:
    compile_args = ["-O0", "-g", "--coverage"]
    link_args = ["--coverage"]
if SANITIZE and not MSVC:
    compile_args = ["-O1", "-g", "-fno-omit-frame-pointer", f"-fsanitize={SANITIZE}"]
    # What is undefined is reported and gone on from otherwise.
    compile_args += ["-fno-sanitize-recover=all"] if SANITIZE == "undefined" else []
    link_args = [f"-fsanitize={SANITIZE}"]


def extension(name: str, path: str) -> Extension:
    return Extension(
        name,
        [path],
        include_dirs=["src/fastcache/_core"],
        define_macros=macros,
        extra_compile_args=compile_args,
        extra_link_args=link_args,
    )


extensions = [
    extension(f"fastcache._core.{name}", f"src/fastcache/_core/{name}.pyx")
    for name in (
        "movable",
        "tag",
        "context",
        "flight",
        "residence",
        "greenlet",
        "graph",
        "seat",
        "watch",
        "bell",
        "store",
        "mapping",
        "landing",
        "errand",
        "loading",
        "getting",
        "ready",
        "approach",
        "awaiting",
        "batch",
        "batch_errand",
        "bulk",
        "rounds",
        "function",
    )
]
extensions += [
    extension(f"fastcache.compat.{name}", f"src/fastcache/compat/{name.replace('.', '/')}.pyx")
    for name in ("backend_store", "cachetools.ordered")
]
if os.environ.get("FASTCACHE_PROBE") == "1":
    extensions += [
        extension(f"tests.native.{name}", f"tests/native/{name}.pyx") for name in ("probe", "load_probe", "want")
    ]

setup(
    ext_modules=cythonize(
        extensions,
        include_path=["src"],
        language_level=3,
        emit_linenums=COVERAGE,
        annotate=os.environ.get("FASTCACHE_ANNOTATE") == "1",
        compiler_directives={
            "binding": False,
            "boundscheck": False,
            "embedsignature": False,
            "freethreading_compatible": True,
            "wraparound": False,
        },
    ),
    options={"build_ext": {"parallel": os.cpu_count()}},
)
