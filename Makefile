# Each target alone brings a fresh machine (Python >= 3.11 with headers, a C compiler) to where it can run.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
SOURCES := pyproject.toml setup.py $(wildcard src/fastcache/_core/*.p* src/fastcache/_core/*.h tests/native/*.pyx)
CORE := src/fastcache/_core/*.pyx src/fastcache/_core/*.pxd tests/native/*.pyx

.DEFAULT_GOAL := help
.PHONY: help build test stress lint types bench instructions demo sdist clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# An environment with what the suite and the demo need; an older wheel rather than a build that needs more compilers.
$(BIN)/.tools: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade pip
	$(PIP) install --prefer-binary --group test "setuptools>=77" "cython~=3.3.0"
	@touch $@

# Builds in place, with the tests' window on the core, and makes the folder importable from the environment.
$(BIN)/.built: $(BIN)/.tools $(SOURCES)
	FASTCACHE_PROBE=1 PYTHONWARNINGS=ignore $(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

build: $(BIN)/.built ## build the extensions in place, in .venv

demo: $(BIN)/.built ## replay stampedes against a real database; pictures in ./fastcache-demo
	$(BIN)/python -m fastcache demo $(ARGS)

test: $(BIN)/.built ## run the test suite
	$(BIN)/python -m pytest $(ARGS)

stress: $(BIN)/.built ## run the suite with ten times the effort where it searches
	FASTCACHE_STRESS=10 $(BIN)/python -m pytest $(ARGS)

$(BIN)/.lint: $(BIN)/.tools
	$(PIP) install --group lint
	@touch $@

lint: $(BIN)/.lint ## ruff and cython-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PATH="$(abspath $(BIN)):$$PATH" cython-lint $(CORE)

types: $(BIN)/.built $(BIN)/.lint ## mypy, and the stubs against the extensions
	$(BIN)/mypy
	MYPYPATH=src $(BIN)/python -m mypy.stubtest --allowlist tests/typing/stubtest.allow --ignore-unused-allowlist \
	    $(addprefix fastcache._core.,movable flight store loading function)

$(BIN)/.bench: $(BIN)/.built bench/install.py
	$(BIN)/python -m bench.install
	@touch $@

bench: $(BIN)/.bench ## measure against all peers, with a verdict for each goal; ARGS="--quick", "--save"
	$(BIN)/python -m bench.report $(ARGS)

instructions: $(BIN)/.built ## count the instructions of hot operations; fails where one grew by more than 5 %
	$(BIN)/python -m bench.instructions $(ARGS)

sdist: $(BIN)/.tools ## build the source distribution into dist/
	$(PIP) install build
	$(BIN)/python -m build --sdist

clean: ## remove what the other targets made
	rm -rf $(VENV) build dist fastcache-demo src/*.egg-info
	find src tests \( -name '*.so' -o -name '*.pyd' \) -delete
	rm -f src/fastcache/_core/*.c tests/native/*.c
