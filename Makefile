# The single door: every target sets up what it needs in .venv and nothing outside the tree.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
CLOUD ?= rufus
# Thousands of processes are started here: without bytecode each would compile the same again.
# `make clean` removes it.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help bench test scenarios versions benchmarks schema powercuts suites hostile mutants line check docs release fmt clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

bench: $(VENV)/run.stamp  ## Watch a blank virtual reader get flashed and bound, stay bound, and time a race
	@$(BIN)/python -m startline_host.demo --cloud $(CLOUD) --app examples/reader_app

test: $(VENV)/check.stamp  ## Run every test (under ten minutes on two cores)
	@$(BIN)/python -m pytest -q -n auto --dist worksteal $(ARGS)

scenarios: $(VENV)/check.stamp  ## Run every scenario of the bench, with every key type (ONLY=race/: one group; ONLY=planted: broken races)
	@$(BIN)/$(if $(filter planted,$(ONLY)),python -m tests.bench.planted_races,startline bench $(addprefix -k ,$(ONLY))) $(ARGS)

versions: $(VENV)/check.stamp  ## Run the agent's tests on every MicroPython from 1.23 (ONLY=1.25.0: one)
	@$(BIN)/python -m pytest -q -n auto --dist worksteal --versions=$(or $(ONLY),all) tests/firmware tests/versions $(ARGS)

benchmarks: $(VENV)/check.stamp  ## Measure every budget, beside what else there is (ONLY=wire: one group)
	@$(BIN)/python -m tests.benchmarks $(addprefix --only ,$(ONLY)) $(ARGS)

schema: $(VENV)/check.stamp  ## Check the mock cloud against its own OpenAPI description
	@$(BIN)/python tests/proofs/schema.py 2000

powercuts: $(VENV)/run.stamp  ## Cut the power at every flash operation and byte (ONLY=race: of a race; ten minutes each)
	@$(BIN)/python -m $(if $(filter race,$(ONLY)),tests.proofs.racecuts,tests.proofs.powercuts --cloud $(CLOUD) $(addprefix --only ,$(ONLY))) $(ARGS)

hostile: $(VENV)/run.stamp  ## Send 20,000 malformed answers to the agent (ONLY=race: in a race)
	@$(BIN)/python -m $(if $(filter race,$(ONLY)),tests.proofs.racehostile,tests.proofs.hostile) $(ARGS)

mutants: $(VENV)/check.stamp  ## Change the agent in 500 places, one at a time: a proof must notice (an hour; PACKAGE=startline_race: the race)
	@$(BIN)/python -m tests.proofs.mutation $(addprefix --package ,$(PACKAGE)) $(ARGS)

line: $(VENV)/check.stamp  ## Kill a line at ten moments, trouble 200 units, share 200 among four stations
	@$(BIN)/python -m tests.proofs.factory_line $(ARGS)

suites: $(VENV)/check.stamp  ## Run other projects' own tests and clients against the virtual chip
	@$(BIN)/python -m tests.suites $(addprefix --only ,$(ONLY)) $(ARGS)

check: $(VENV)/check.stamp  ## Lint, types, imports, spelling; writes nothing
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy
	@$(BIN)/mypy --config-file host_tools/typings/mypy.ini
	@$(BIN)/lint-imports --no-cache --no-logo
	@$(BIN)/codespell

docs: $(VENV)/check.stamp  ## Build the book into build/docs; a broken link or an unlisted page fails
	@DISABLE_MKDOCS_2_WARNING=true NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

release: $(VENV)/check.stamp  ## Build wheel, sdist and mip bundles into dist, and check them
	@$(BIN)/python -m tests.release

fmt: $(VENV)/check.stamp  ## Format the sources, fix what the linter can fix, and list what mip takes
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .
	@$(BIN)/python -m tests.release.mip_lists

clean:  ## Remove everything that these targets made
	@rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What the commands need; the tests and checks need more. A stamp is written last, so that an
# interrupted installation is taken up again.
$(VENV)/python.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	    { echo 'make: Python 3.11 or newer is needed; name one with PYTHON=/path/to/python3.' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo 'make: this Python has no venv module; install it (Debian: apt install python3-venv).' >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/run.stamp: $(VENV)/python.stamp pyproject.toml
	@echo 'Installing what the bench needs into $(VENV) (once, about a minute) ...' >&2
	@$(PIP) install --editable '.[factory,mock,virtual]'
	@touch $@

$(VENV)/check.stamp: $(VENV)/python.stamp pyproject.toml
	@echo 'Installing what the tests need into $(VENV) (once, about a minute) ...' >&2
	@$(PIP) install --editable '.[check]'
	@$(PIP) install --no-deps --upgrade --target $(VENV)/typings $$($(PIP) freeze | grep '^micropython-.*-stubs==')
	@touch $@ $(VENV)/run.stamp
