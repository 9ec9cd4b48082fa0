# Everything runs from .venv, which `make setup` makes; `make` alone lists what there is.

.DEFAULT_GOAL := help
.PHONY: help setup serve test check lint fmt types arch bench constraints clean

PYTHON ?= python3
WORKERS ?= logical
ARGS ?=

# Where it is set, every process that a test starts would compile all that it imports once more.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTEST := $(BIN)/python -m pytest
PARALLEL := -n $(WORKERS) --maxprocesses 8 --dist worksteal

help: ## List the targets
	@echo "make <target> [ARGS='...']"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make .venv with the pinned packages; does nothing when it is up to date

serve: setup ## Start the service, on SQLite in this folder unless ARGS says otherwise
	@exec $(BIN)/commonhold serve $(ARGS)

test: setup ## Run all tests; ARGS='tests/unit -k page' runs some
	@$(PYTEST) $(PARALLEL) $(ARGS)

check: lint types ## The quick round before a commit: lint, types, and the contract on SQLite
	@$(PYTEST) $(PARALLEL) -q -k "not postgres" tests/arch tests/unit tests/sql tests/contract

lint: setup ## Check style and format
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

fmt: setup ## Format, and mend what can be mended
	@$(BIN)/ruff check --fix --exit-zero --quiet
	@$(BIN)/ruff format

types: setup ## Check types
	@$(BIN)/mypy

arch: setup ## Check the dependency rule, the size budgets and the names
	@$(PYTEST) -q tests/arch $(ARGS)

bench: setup ## Measure against the stores agents have today; prints a table of ratios
	@$(BIN)/python -m bench $(or $(ARGS),native)

constraints: ## Pin the newest packages that fit pyproject.toml, in constraints.txt
	@echo "Resolving in a fresh environment; this takes about a minute."
	@scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT \
	&& $(PYTHON) -m venv "$$scratch" \
	&& "$$scratch/bin/python" -m pip install -qq --no-compile --disable-pip-version-check -e '.[server,dev]' \
	&& { echo "# Every package of the server and of development, pinned by \`make constraints\`."; \
	     "$$scratch/bin/python" -m pip freeze --exclude-editable; } > constraints.new \
	&& mv constraints.new constraints.txt
	@grep -c == constraints.txt | sed 's/$$/ packages pinned in constraints.txt/'

clean: ## Remove .venv and everything that was generated
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Commonhold needs Python 3.11 or newer, and '$(PYTHON)' is older or missing." >&2; \
	  echo "Name another one: make setup PYTHON=/path/to/python3.12" >&2; exit 1; }
	@echo "Installing the packages pinned in constraints.txt into $(VENV) ..."
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --no-compile --disable-pip-version-check \
	  --constraint constraints.txt --editable '.[server,dev]'
	@touch $@
	@echo "Ready: $(BIN)/commonhold"
