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
# The contract of the last release: what callers have generated their clients from.
RELEASED := protos/released.binpb
# The tests of the doors, and those of them that every run repeats with the models on Ray Serve.
DOORS := $(addprefix tests/,grpc rest tls page client e2e)
ALSO_ON_RAY := $(addprefix tests/,e2e/test_same_names.py grpc/test_detect.py grpc/test_health.py \
	rest/test_answer.py)

.DEFAULT_GOAL := help
.PHONY: help setup run test test-ray lint docs proto proto-check contract bench bench-profile bench-ray fuzz soak constraints audit check clean

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
	$(BIN)/python -m pytest -n 2 --no-loadscope-reorder
	$(BIN)/python -m pytest --backend=ray $(ALSO_ON_RAY)

test-ray: $(DEV_STAMP) ## Run all tests of the doors with the models on Ray Serve
	$(BIN)/python -m pytest --backend=ray $(DOORS)

lint: $(DEV_STAMP) ## Style, types, layers, contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint
	$(BIN)/buf breaking --against $(RELEASED)
	$(BIN)/python tools/make_docs.py --check
	$(BIN)/python tools/make_dashboard.py --check

docs: $(DEV_STAMP) ## Remake the tables, pictures and examples in docs/ from the code
	$(BIN)/python -m tests.support.rest_examples
	$(BIN)/python tools/make_docs.py
	$(BIN)/python tools/make_dashboard.py

proto: ## Generate the stubs in client/jointtrack/v1 from protos/
	tools/generate_stubs.sh

proto-check: ## Fail if the stubs are not what protos/ generates
	tools/check_stubs.sh

contract: $(DEV_STAMP) ## Promise callers the contract as it is now: part of a release
	$(BIN)/buf breaking --against $(RELEASED)
	$(BIN)/buf build --exclude-source-info -o $(RELEASED)

bench: $(DEV_STAMP) ## Compare the server with the bare engine (6 minutes)
	$(BIN)/python -m bench

bench-profile: $(DEV_STAMP) ## Show where the time of a call goes, with a flame graph
	$(BIN)/python -m bench.profile

bench-ray: $(DEV_STAMP) ## Compare models in the server with models on Ray Serve (10 minutes)
	$(BIN)/python -m bench.on_ray

fuzz: MINUTES ?= 60
fuzz: $(DEV_STAMP) ## Decode damaged picture files for an hour, or MINUTES=5, and keep what breaks
	$(BIN)/python -m tests.fuzz.decode --minutes $(MINUTES) --out $(DATA_DIR)/fuzz

soak: MINUTES ?= 10
soak: $(DEV_STAMP) ## Mixed load for MINUTES=10: memory, file descriptors and threads stay flat
	$(BIN)/python -m bench.soak $(MINUTES)

constraints: ## List the versions that a fresh install takes, in constraints.txt
	PYTHON=$(PYTHON) tools/make_constraints.sh

audit: ## Ask the public advisories about constraints.txt (needs the internet)
	$(PYTHON) -m venv .audit-venv && .audit-venv/bin/pip install -q --disable-pip-version-check pip-audit
	.audit-venv/bin/pip-audit -r constraints.txt --no-deps --disable-pip

check: lint proto-check test ## All that CI runs

clean: ## Remove what make made, the key store in data/ excepted
	rm -rf $(VENV) .proto-venv .audit-venv build dist .mypy_cache .ruff_cache .pytest_cache
