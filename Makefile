# The commands of this repository. `make run` and `make test` need only git, make and Python 3.11 to 3.13.
PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
# Set by options on the command line, as in `make test-unit ARGS="-k stream"`.
ARGS ?=

.PHONY: run setup setup-dev setup-light test check format lint lock clean help bench-engine-cpu bench-gateway bench-first-answer bench-invoice bench-structured bench-adapter-swaps bench-adapter-residency bench-training-speed bench-raw-to-gated
.PHONY: test-unit test-property test-integration test-contract test-engine test-e2e
.DEFAULT_GOAL := help

help:  ## Show these commands
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /  make \1\t/' | expand -t 24

run:  ## Prepare what is missing, then run the engine and the gateway
	@exec $(PYTHON) -m launcher.setup --run

setup:  ## Prepare both environments and the model
	@$(PYTHON) -m launcher.setup

setup-dev:
	@$(PYTHON) -m launcher.setup --dev

setup-light:
	@$(PYTHON) -m launcher.setup --dev --light

test: setup-dev  ## Run every test, and report coverage
	$(BIN)/coverage erase
	$(PYTEST) tests --ignore=tests/engine --ignore=tests/e2e -n 2 --cov --cov-report= $(ARGS)
	$(PYTEST) tests/engine tests/e2e --cov --cov-append --cov-report= $(ARGS)
	$(BIN)/coverage report --skip-covered --sort=cover

test-unit: setup-light  ## Run the unit tests
	$(PYTEST) tests/unit -n 2 $(ARGS)

test-property: setup-light  ## Run the property tests
	$(PYTEST) tests/property -n 2 $(ARGS)

test-integration: setup-light  ## Run the gateway against scripted engines
	$(PYTEST) tests/integration -n 2 $(ARGS)

test-contract: setup-light  ## Run the official clients against the gateway
	$(PYTEST) tests/contract -n 2 $(ARGS)

test-engine: setup-dev  ## Run against the real engine
	$(PYTEST) tests/engine $(ARGS)

test-e2e: setup-dev  ## Run what `make run` starts
	$(PYTEST) tests/e2e $(ARGS)

check: lint  ## Lint, then run the unit and property tests
	$(PYTEST) tests/unit tests/property -n 2 $(ARGS)

lint: setup-light  ## Check format, lint, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup-light  ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock:  ## Resolve the lock files anew
	$(PYTHON) requirements/resolve.py

bench-engine-cpu: setup-dev  ## Measure the engine's start, speed and memory on this CPU
	$(BIN)/python -m benchmarks.engine_cpu $(ARGS)

bench-gateway: setup-dev  ## Measure the gateway's own latency, start and memory
	$(BIN)/python -m benchmarks.gateway.overhead $(ARGS)

bench-first-answer: setup-dev  ## Measure the time from a clean clone to the first answers
	$(BIN)/python -m benchmarks.first_answer $(ARGS)

bench-invoice: setup-dev  ## Compare the demo adapter with the base model, on a running gateway
	$(BIN)/python -m benchmarks.invoice $(ARGS)

bench-structured: setup-dev  ## Measure schema intake: soundness, coverage, time, and hostile schemas
	$(BIN)/python -m benchmarks.structured $(ARGS)

bench-adapter-swaps: setup-dev  ## Measure 1,000 swaps between two versions under load, on the real engine
	$(BIN)/python -m benchmarks.adapters.swaps $(ARGS)

bench-adapter-residency: setup-dev  ## Measure more adapters than fit on an engine
	$(BIN)/python -m benchmarks.adapters.residency $(ARGS)

bench-training-speed: setup-dev  ## Measure training beside plain TRL; RECIPE=FILE names what is trained
	.venv-engine/bin/python -m benchmarks.training_speed $(or $(RECIPE),examples/recipes/invoice-extract-cpu.yaml) $(ARGS)

bench-raw-to-gated: setup-dev  ## Measure the time from a file of rows to a gated version, on a running gateway
	$(BIN)/python -m benchmarks.raw_to_gated $(ARGS)

clean:  ## Remove what set-up and tests made (environments, home folder, caches)
	rm -rf .venv .venv-engine .venv*.lock .firstline .coverage* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
