# Everything a person or CI runs, from a bare checkout: the first target that needs it builds .venv from the lock.
# Kept to what GNU make 3.81 understands.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTEST := $(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadgroup
RECENT := -c 'import sys; sys.exit(sys.version_info < (3, 11))'
PYTHON ?= $(firstword $(foreach python,python3.11 python3,$(shell $(python) $(RECENT) 2>/dev/null && echo $(python))) python3.11)
OTHER := .venv-conformance
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: help setup demo report jupyter test test-more lint docs docs-check notebooks notebooks-check example scoreboard remedies same
.PHONY: bench fuzz mutation conformance lock clean

help: ## print this list
	@echo 'A DynamoDB stream stopped triggering its Lambda function: find out why.'
	@echo
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

setup: $(READY) ## build .venv from requirements.lock (every other target does so by itself)

demo: $(READY) ## break a sandbox AWS, investigate it, print the verdict [FAULT=name, see `runbook faults`]
	@$(BIN)/runbook demo $(FAULT)

report: $(READY) ## investigate params/$INC.yaml against AWS with your credentials and write its report [INC=name]
	@test -n "$(INC)" || { echo 'Name the incident: make report INC=INC-EXAMPLE reads params/INC-EXAMPLE.yaml' >&2; exit 1; }
	@$(BIN)/runbook investigate params/$(INC).yaml || test $$? -lt 3  # 1 and 2 are verdicts, not failures

jupyter: $(READY) ## open the ten notebooks in JupyterLab
	@$(BIN)/jupyter lab $(AS_ROOT) --ServerApp.root_dir="$(CURDIR)" --LabApp.default_url=/lab/tree/notebooks

test: $(READY) ## run the tests that take seconds; nothing outside this machine is contacted
	@$(PYTEST) --ignore=tests/browser -m 'not slow and not sampled and not browser'

test-more: $(READY) ## run what CI runs besides: the tests in Chromium, and a sample of the slow ones
	@$(PYTEST) -m '(browser or sampled) and not slow'

lint: $(READY) ## check style, format and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

docs: $(READY) ## write the generated pages of docs/ anew
	@$(BIN)/python docs/generate.py

docs-check: $(READY) ## fail if a generated page of docs/ is out of date
	@$(BIN)/python docs/generate.py --check

notebooks: $(READY) ## execute the notebooks on the recorded example incident, in place
	@$(BIN)/python -m runbook_lib.report.notebooks

notebooks-check: $(READY) ## execute them again and compare every output with the committed one
	@$(BIN)/python -m pytest -p nbval.plugin --nbval --nbval-current-env notebooks

example: $(READY) ## record the example incident anew, from the sandbox; make notebooks shows it
	@$(BIN)/python -m runbook_lib.cli.example

scoreboard: $(READY) ## investigate every world of the sandbox, and write docs/scoreboard.md [SAMPLE=1, or DENIALS=1: half blind]
	@$(BIN)/python bench/scoreboard.py $(if $(SAMPLE),--sample) $(if $(DENIALS),--denials)

same: $(READY) ## show that this tree says what another commit says, byte for byte [BASE=commit ONLY="sweep ..."]
	@test -n "$(BASE)" || { echo 'Name the commit: make same BASE=main compares this tree with main' >&2; exit 2; }
	@$(BIN)/python bench/same.py $(BASE) $(if $(ONLY),--only $(ONLY))

bench: $(READY) ## measure everything that is said about speed and write docs/benchmarks.md [PARTS="one many ..."]
	@$(BIN)/python bench/benchmarks.py $(PARTS)

remedies: $(READY) ## apply every remedy card to its sandbox worlds, see what becomes of the records, write docs/remedies.md
	@$(BIN)/python bench/remedies.py

fuzz: $(READY) ## investigate recorded worlds with answers spoilt as AWS's models allow, 2,400 times [SEED=1 RUNS=2400]
	@$(BIN)/python bench/fuzz.py $(if $(SEED),--seed $(SEED)) $(if $(RUNS),--runs $(RUNS))

mutation: $(READY) ## change the judging code in one place at a time, and see which tests notice [SAMPLE=1]
	@$(BIN)/python bench/mutation.py $(if $(SAMPLE),--sample)

conformance: $(READY) $(OTHER)/.ready ## hold the kit against ministack, an AWS emulator by others, and write docs/conformance.md
	@$(BIN)/python bench/conformance.py $(OTHER)/bin/python

lock: $(READY) ## resolve pyproject.toml into requirements.lock and conformance.lock [UPGRADE=1 for newer versions]
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade) --group dev pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade) --group conformance -o conformance.lock

clean: ## remove both .venv and caches; archive/ is never touched
	@rm -rf $(VENV) $(OTHER) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist *.egg-info
	@find . -name __pycache__ -not -path './archive/*' -prune -exec rm -rf {} +

# uv comes from the lock like everything else. Where it cannot be had, or cannot reach the package index that pip is
# configured for, pip installs the same lock more slowly. The package itself is built with the locked setuptools, so
# only the lock is ever downloaded. Matplotlib searches the fonts once here, not in the middle of an incident.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) $(RECENT) 2>/dev/null || { echo 'Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) lacks its venv module (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@echo 'Setting up .venv: once, about a minute.' >&2
	@$(BIN)/python $(RECENT) 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > $(VENV)/uv.lock
	@{ $(PIP) install --require-hashes -r $(VENV)/uv.lock \
	  && $(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock; } 2>$(VENV)/uv.log \
	  || $(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-index --no-deps --no-build-isolation --editable .
	@$(BIN)/python -c 'import matplotlib.font_manager'
	@touch $(READY)

# ministack pins libraries of its own and is nothing that the kit runs on: it gets a lock and an environment of its own.
$(OTHER)/.ready: conformance.lock $(READY)
	@$(BIN)/python -m venv --clear $(OTHER)
	@$(OTHER)/bin/python -m pip --quiet --disable-pip-version-check install --require-hashes -r conformance.lock
	@touch $@
