# Each target alone brings a fresh machine (Python >= 3.11 with headers, a C compiler) to where it can run.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
SOURCES := pyproject.toml setup.py $(wildcard src/fastcache/_core/*.p* src/fastcache/_core/*.h tests/native/*.pyx) \
    $(wildcard src/fastcache/compat/*.p*x* src/fastcache/compat/cachetools/*.p*x*)
CORE := src/fastcache/_core/*.pyx src/fastcache/_core/*.pxd src/fastcache/compat/*.p*x* src/fastcache/compat/cachetools/*.p*x* \
    tests/native/*.pyx

.DEFAULT_GOAL := help
.PHONY: help build test compat stress campaign harness sanitize coverage lint types web bench \
    situations instructions demo sdist clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# An environment with what the suite and the demo need; an older wheel rather than a build that needs more compilers.
# Where there is no wheel of another event loop or of gevent, the tests on it are skipped.
$(BIN)/.tools: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade pip
	$(PIP) install --prefer-binary --group test "setuptools>=77" "cython~=3.3.0"
	-$(PIP) install --only-binary :all: --group loops
	-$(PIP) install --only-binary :all: --group greenlets
	-$(PIP) install --only-binary :all: --group hubs
	@touch $@

# Builds in place, with the tests' window on the core, and makes the folder importable from the environment.
$(BIN)/.built: $(BIN)/.tools $(SOURCES)
	FASTCACHE_PROBE=1 PYTHONWARNINGS=ignore $(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

build: $(BIN)/.built ## build the extensions in place, in .venv

demo: $(BIN)/.built ## replay stampedes and an outage against a real database; pictures in ./fastcache-demo
	$(BIN)/python -m fastcache demo $(ARGS)

test: $(BIN)/.built ## run the test suite
	$(BIN)/python -m pytest $(ARGS)

compat: $(BIN)/.built ## run the tests of other projects against our stand-ins; ARGS="django", "--save"
	$(BIN)/python -m tests.compat $(ARGS)

stress: $(BIN)/.built ## run the suite with ten times the effort where it searches
	FASTCACHE_STRESS=10 $(BIN)/python -m pytest $(ARGS)

campaign: $(BIN)/.built ## search for hours; ARGS="--list", or "NAME --seed 7 --size 100" of one
	$(BIN)/python -m tests.campaigns $(ARGS)

# Programs in C, each built plainly, with ThreadSanitizer, and with AddressSanitizer and UndefinedBehaviorSanitizer.
harness: $(BIN)/.tools ## drive the core's headers by threads in C; ARGS="thread --effort 100", "--mutations"
	$(BIN)/python -m tests.native.harness $(ARGS)

# A copy, so that the extensions built in place stay as they are.  LD_PRELOAD: the interpreter does not bring the library.
# intercept_tls_get_addr=0: where a thread's block of variables happens to begin 16 bytes into a page, ThreadSanitizer
# takes what is before it for a header that glibc wrote until 2.19, and dies of the size that it reads there.
# Objects are AddressSanitizer's too where their memory may come from malloc: on builds with a GIL.
SANITIZER ?= address
SANITIZER_LIBRARY = $(or $(patsubst thread,tsan,$(filter thread,$(SANITIZER))),$(patsubst undefined,ubsan,$(filter \
    undefined,$(SANITIZER))),asan)
# AddressSanitizer takes the copying of a greenlet's stack for reads beyond its variables; with
# CFLAGS="--param asan-stack=0" SANITIZED="tests/test_gevent*.py" it does not look at stacks.  No id that it sees freed is
# used again.
NOT_FOR_ADDRESS = $(if $(filter address,$(SANITIZER)),--ignore-glob='*/test_gevent*' \
    --ignore-glob='*/test_greenlets.py' -k "not reused_id")
# greenlet throws C++ exceptions, which AddressSanitizer passes on only if their library was there before it looked.
CXX_LIBRARY = $(if $(filter address,$(SANITIZER)),$$(gcc -print-file-name=libstdc++.so.6))
# Of the suite what is about threads, or all that is about the core: the rest starts other programs, or measures.
SANITIZED ?= $(if $(filter thread,$(SANITIZER)),tests/native tests/test_freethreaded.py tests/test_reads_amid_writes.py \
    --ignore-glob='*/test_harness.py' -k "not a_thousand_threads",tests $(patsubst %,--ignore-glob='*/%', \
    compat typing campaigns test_asgi.py test_bench* test_compat_runner.py test_demo* test_examples.py test_fastapi.py \
    test_functools.py test_harness.py test_hit_ratio.py test_import.py test_memory_return.py test_promises.py \
    test_pytest_plugin.py test_repo.py test_situations.py test_traces.py) $(NOT_FOR_ADDRESS))
sanitize: $(BIN)/.tools ## harness and suite under GCC's sanitizers: SANITIZER=address, undefined, or thread
	$(BIN)/python -m tests.native.harness $(SANITIZER)
	rm -rf build/sanitize && mkdir -p build/sanitize
	cp -r src tests setup.py pyproject.toml README.md build/sanitize
	find build/sanitize \( -name '*.so' -o -name '*.c' \) -not -path '*/harness/*' -delete
	cd build/sanitize && FASTCACHE_SANITIZE=$(SANITIZER) FASTCACHE_PROBE=1 PYTHONWARNINGS=ignore \
	    $(abspath $(BIN))/python setup.py -q build_ext --inplace
	cd build/sanitize && PYTHONPATH=src ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
	    TSAN_OPTIONS=history_size=6:report_thread_leaks=0:intercept_tls_get_addr=0:suppressions=$(abspath \
	        build/sanitize)/tests/native/tsan.supp \
	    PYTHONMALLOC=$$($(abspath $(BIN))/python -c "import sysconfig; print('default' if \
	        sysconfig.get_config_var('Py_GIL_DISABLED') or '$(SANITIZER)' != 'address' else 'malloc')") \
	    LD_PRELOAD="$$(gcc -print-file-name=lib$(SANITIZER_LIBRARY).so) $(CXX_LIBRARY)" \
	    $(abspath $(BIN))/python -m pytest -s $(SANITIZED) $(ARGS)

# What would take an hour under a tracer and reaches nothing else, and what counts instructions, which are others there.
NOT_FOR_COVERAGE = $(patsubst %,--ignore-glob='*/%',test_bench* compat interleavings properties campaigns)
coverage: $(BIN)/.built ## which lines of the package, native and Python, the suite does not reach
	$(PIP) install "coverage>=7.10"
	rm -rf build/coverage && mkdir -p build/coverage
	cp -r src tests docs bench examples setup.py pyproject.toml README.md build/coverage
	find build/coverage \( -name '*.so' -o -name '*.c' \) -not -path '*/harness/*' -delete
	printf '[run]\nbranch = true\nsource = fastcache\nomit = */_demo/*\nparallel = true\npatch = subprocess\n' \
	    > build/coverage/.coveragerc
	cd build/coverage && FASTCACHE_COVERAGE=1 FASTCACHE_PROBE=1 PYTHONWARNINGS=ignore \
	    $(abspath $(BIN))/python setup.py -q build_ext --inplace
	-cd build/coverage && PYTHONPATH=src $(abspath $(BIN))/python -m coverage run -m pytest -q tests \
	    $(NOT_FOR_COVERAGE) $(ARGS)
	cd build/coverage && $(abspath $(BIN))/python -m coverage combine -q && \
	    $(abspath $(BIN))/python -m coverage report -m --skip-covered && \
	    $(abspath $(BIN))/python -m tests.uncovered . src

$(BIN)/.lint: $(BIN)/.tools
	$(PIP) install --group lint
	@touch $@

lint: $(BIN)/.lint ## ruff and cython-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PATH="$(abspath $(BIN)):$$PATH" cython-lint $(CORE)

types: $(BIN)/.built $(BIN)/.lint ## mypy and pyright, and the stubs against the extensions
	$(BIN)/mypy
	$(BIN)/basedpyright --pythonpath $(BIN)/python
	MYPYPATH=src $(BIN)/python -m mypy.stubtest --allowlist tests/typing/stubtest.allow --ignore-unused-allowlist \
	    $(addprefix fastcache._core.,movable tag context flight residence greenlet graph seat watch bell store mapping landing errand \
        loading getting ready approach awaiting batch batch_errand bulk rounds function) \
	    $(addprefix fastcache.compat.,backend_store cachetools.ordered)

# Older wheels where there is no newer one: on free-threaded builds pydantic's core has to be built otherwise.
web: $(BIN)/.tools ## install what the tests under real servers need, which are skipped without
	$(PIP) install --only-binary :all: --group web

$(BIN)/.bench: $(BIN)/.built bench/install.py
	$(BIN)/python -m bench.install
	@touch $@

bench: $(BIN)/.bench ## measure against all peers, with a verdict for each goal; ARGS="--quick", "--save"
	$(BIN)/python -m bench.report $(ARGS)

situations: $(BIN)/.bench ## what peers do where caches stampede, hang or go stale; ARGS=--save for docs/situations.md
	$(BIN)/python -m bench.situations $(ARGS)

instructions: $(BIN)/.built ## count the instructions of hot operations; fails where one grew by more than 5 %
	$(BIN)/python -m bench.instructions $(ARGS)

sdist: $(BIN)/.tools ## build the source distribution into dist/
	$(PIP) install build
	$(BIN)/python -m build --sdist

clean: ## remove what the other targets made
	rm -rf $(VENV) .venv-compat build dist fastcache-demo src/*.egg-info
	find src tests \( -name '*.so' -o -name '*.pyd' \) -delete
	rm -f src/fastcache/_core/*.c src/fastcache/compat/*.c src/fastcache/compat/cachetools/*.c tests/native/*.c
