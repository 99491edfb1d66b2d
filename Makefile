# The two commands to know: make run, make test.

# The first Python that runs and is new enough.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
# An installed extra leaves a stamp, so that nothing is installed twice.
SERVER_STAMP := $(VENV)/.server-installed
DEV_STAMP := $(VENV)/.dev-installed
DATA_DIR ?= data

.DEFAULT_GOAL := help
.PHONY: help setup run test lint docs proto proto-check bench bench-profile check clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/pyvenv.cfg:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(SERVER_STAMP): $(VENV)/pyvenv.cfg pyproject.toml
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[server]'
	@touch $@

$(DEV_STAMP): $(VENV)/pyvenv.cfg pyproject.toml
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev]'
	@touch $@ $(SERVER_STAMP)

setup: $(SERVER_STAMP) ## Make .venv with the server and the command .venv/bin/jointtrack

run: $(SERVER_STAMP) ## Start the server on the bundled models and print calls to try
	@JOINTTRACK_DATA_DIR=$${JOINTTRACK_DATA_DIR:-$(DATA_DIR)} exec $(BIN)/jointtrack serve

test: $(DEV_STAMP) ## Run the whole test suite
	$(BIN)/python -m pytest

lint: $(DEV_STAMP) ## Style, types, layers, contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	tools/lint_protos.sh
	$(BIN)/python tools/make_docs.py --check

docs: $(DEV_STAMP) ## Remake the tables and pictures in docs/ from the code
	$(BIN)/python tools/make_docs.py

proto: ## Generate the stubs in client/jointtrack/v1 from protos/
	tools/generate_stubs.sh

proto-check: ## Fail if the stubs are not what protos/ generates
	tools/check_stubs.sh

bench: $(DEV_STAMP) ## Compare the server with the bare engine (6 minutes)
	$(BIN)/python -m bench

bench-profile: $(DEV_STAMP) ## Show where the time of a call goes, with a flame graph
	$(BIN)/python -m bench.profile

check: lint proto-check test ## All that CI runs

clean: ## Remove what make made, the key store in data/ excepted
	rm -rf $(VENV) .proto-venv build dist .mypy_cache .ruff_cache .pytest_cache
