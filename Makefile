# Everything a person or a build server runs. Each target sets up what it needs by itself; `make help` lists them.

SHELL := /bin/sh
MAKEFLAGS += --no-print-directory --no-builtin-rules
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 4
PYTEST_ARGS ?=
UPGRADE ?=
ROUNDS ?= 5

# Each test starts many short processes: without compiled files each would compile all of its modules anew.
unexport PYTHONDONTWRITEBYTECODE

# A stamp is trusted only while the interpreter behind it runs, where it was made: else the set-up begins anew.
ifneq ($(shell $(BIN)/python -c "print(open('$(VENV)/.home').read())" 2>/dev/null),$(CURDIR))
.PHONY: $(VENV)/.runtime
endif

.PHONY: help setup setup-dev demo test tests lint format check bench soak explore sbom audit requirements schema clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

$(VENV)/.runtime: requirements/runtime.txt requirements/build.txt requirements/install.sh pyproject.toml
	@sh requirements/install.sh runtime

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	@sh requirements/install.sh dev

setup: $(VENV)/.runtime ## Create .venv and install the pinned runtime packages and Accrual itself
	@:

setup-dev: $(VENV)/.dev ## The same, and the tools that tests and checks need
	@:

demo: setup ## Fresh database, the example programme, every seed request over HTTP, and what came of it
	@$(BIN)/accrual demo

test: setup-dev ## Linters, types, walls and every test, those with a database also against an installed PostgreSQL 15
	@$(MAKE) -j2 lint tests

tests: setup-dev
	@$(BIN)/python tests/run.py -n $(WORKERS) $(PYTEST_ARGS)

lint: setup-dev ## ruff, mypy and the import walls
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { echo "Some files are not formatted; run: make format"; exit 1; }
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup-dev ## Let ruff put formatting and import order right
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

check: lint ## Linters and the tests that need no database; seconds, for use while writing
	@$(BIN)/pytest -n $(WORKERS) tests/arch tests/unit tests/contract $(PYTEST_ARGS)

bench: setup ## Each benchmark once, with its ratio to pgbench on the same server
	@$(BIN)/accrual bench drain
	@$(BIN)/accrual bench submit
	@$(BIN)/accrual bench http

soak: setup-dev ## Kill server, lanes and PostgreSQL at random under load for SOAK_S seconds (600), then verify
	@$(BIN)/pytest -m slow -v -s $(PYTEST_ARGS)

explore: setup-dev ## Every test that draws, ROUNDS times (5), each time with other draws; what fails names its seed
	@set -e; for round in $$(seq $(ROUNDS)); do ACCRUAL_TEST_RANDOM=1 $(BIN)/pytest -q -n $(WORKERS) \
	  tests/property tests/unit tests/contract $(PYTEST_ARGS); done

sbom: setup ## Write dist/accrual.cdx.json, a CycloneDX list of every runtime package with its hashes
	@sh requirements/audit.sh sbom

audit: setup ## Compare the pinned runtime packages with published advisories (needs access to an advisory service)
	@sh requirements/audit.sh advisories

requirements: ## Recompile requirements/*.txt; pins stay where they can (UPGRADE=--upgrade lets all go up)
	@sh requirements/compile.sh $(UPGRADE)

schema: setup-dev ## Write src/accrual/store/schema.sql anew, after a migration was added
	@ACCRUAL_TEST_REWRITE=1 $(BIN)/pytest -q tests/store/test_schema.py

clean: ## Remove .venv and caches; databases in .accrual stay
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
