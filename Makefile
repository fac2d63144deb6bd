# `make run` and `make test` need Python 3.11 or newer and nothing else. `make help` lists the targets.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check

# Container images often forbid Python to write bytecode. Then every process would compile SQLAlchemy and all other libraries again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test test-slow lint bench release audit pictures clean help
.DEFAULT_GOAL := run

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.12 …" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

# What serving needs, and readers for PDF and HWP files. Bytecode is written at the first import: most of the installed files are never loaded.
$(VENV)/serving: pyproject.toml | $(VENV)/bin/python
	$(PIP) --no-compile --editable ".[pdf,hwp]"
	touch $@

# The tests, the linters and the measurements add theirs.
$(VENV)/testing: pyproject.toml $(VENV)/serving
	$(PIP) --no-compile --editable ".[dev]"
	touch $@

run: $(VENV)/serving  ## start a server on http://127.0.0.1:8080 with one sample release
	$(BIN)/pressrelay serve --sample tests/releases/jeonbuk-2021-03-09.xml

# Some tests wait for other processes, with a time limit that a busy machine may exceed. So failed tests run once more, one at a time. A real
# fault fails again.
AGAIN = $(BIN)/python -m pytest --last-failed --last-failed-no-failures none

# A worker runs the tests of a module together, so that the module's server starts once. A quarter of the time of a test is waiting, so three
# workers keep two cores busy.
WORKERS ?= 3

test: $(VENV)/testing  ## run the tests, without the slow ones
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow" || $(AGAIN) -m "not slow"

test-slow: $(VENV)/testing  ## run the slow tests: attacks, faults, scale, measurements
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m slow || $(AGAIN) -m slow

lint: $(VENV)/testing  ## check style (ruff) and types (mypy, strict)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/testing  ## measure what docs/figures.md quotes
	$(BIN)/python -m bench

release: $(VENV)/testing  ## make the files of a release in dist/; KEY=path of a key of OpenSSH signs them
	$(BIN)/python .ci/release $(KEY)

audit: $(VENV)/testing  ## look for known vulnerabilities in the libraries (needs an advisory service)
	$(BIN)/python .ci/audit

pictures: $(VENV)/testing  ## take the pictures of docs/pictures from a running server (needs chromium)
	$(BIN)/python -m tests.browser.pictures

clean:  ## remove the environment, the data directory and every cache
	rm -rf $(VENV) build dist *.egg-info data .mypy_cache .ruff_cache .pytest_cache

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20
