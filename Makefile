# The only entry, for people and for CI alike. Needs Python 3.11 or 3.12, Node 20 or newer, and make.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

os := $(shell uname -s | tr '[:upper:]' '[:lower:]')
arch := $(patsubst aarch64,arm64,$(patsubst x86_64,amd64,$(shell uname -m)))
foundry := $(CURDIR)/node_modules/@foundry-rs

# ape finds the compiler through PATH, and anvil is run as its own binary: its npm wrapper would leave it
# running when the wrapper is ended.
export PATH := $(CURDIR)/.venv/bin:$(foundry)/anvil-$(os)-$(arch)/bin:$(foundry)/cast-$(os)-$(arch)/bin:$(foundry)/forge-$(os)-$(arch)/bin:$(PATH)
# Nothing of this project is kept in the home folder of the one who runs it.
export APE_DATA_FOLDER := $(CURDIR)/build/ape
export FOUNDRY_DISABLE_NIGHTLY_WARNING := 1

python := $(CURDIR)/.venv/bin/python
uv := $(CURDIR)/.venv/bin/uv
lock := $(uv) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  \033[1m%-12s\033[0m %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# --- set-up ---------------------------------------------------------------------------------------

.PHONY: setup
setup: .venv/.stamp .venv/bin/donablock node_modules/.stamp ## install the locked Python and npm packages (once)

# The first Python that runs, is 3.11 or 3.12, and can make an environment. PYTHON=... names another.
.venv/bin/python:
	@for candidate in $${PYTHON:-python3.12 python3.11 python3 python /usr/bin/python3.12 /usr/bin/python3.11}; do \
	  if "$$candidate" -c 'import sys, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' >/dev/null 2>&1; then \
	    echo "setup: $$("$$candidate" --version) ($$candidate)"; \
	    "$$candidate" -m venv --clear .venv; exit 0; \
	  fi; \
	done; \
	echo "setup: no Python 3.11 or 3.12 with venv found; install one, or name it: make setup PYTHON=/path/to/python3.11" >&2; exit 1

.venv/.stamp: requirements.txt requirements-uv.txt | .venv/bin/python
	@echo "setup: Python packages"
	@$(python) -m pip install -q --disable-pip-version-check --require-hashes -r requirements-uv.txt
	@$(uv) pip install -q --python $(python) --require-hashes -r requirements.txt
	@touch $@

# The command `donablock`, on this source as it is.
define command
#!$(python)
import sys

sys.path.insert(0, "$(CURDIR)")
from donablock.cli import main

sys.exit(main())
endef
.venv/bin/donablock: export text := $(command)
.venv/bin/donablock: Makefile | .venv/.stamp
	@echo "$$text" > $@ && chmod +x $@

# mamushi pins a click that ape cannot share, so it lives apart.
.venv-format/.stamp: requirements-format.txt | .venv/.stamp
	@echo "setup: Vyper formatter"
	@$(uv) venv -q --clear --python $(python) .venv-format
	@$(uv) pip install -q --python .venv-format/bin/python --require-hashes -r requirements-format.txt
	@touch $@

# ethereum-etl asks for a web3 that nothing here could share, and only a benchmark needs it.
.venv-etl/.stamp: requirements-etl.txt | .venv/.stamp
	@echo "setup: ethereum-etl"
	@$(uv) venv -q --clear --python $(python) .venv-etl
	@$(uv) pip sync -q --python .venv-etl/bin/python --require-hashes requirements-etl.txt
	@touch $@

node_modules/.stamp: package.json package-lock.json .npmrc
	@node -e 'process.exit(+(process.versions.node.split(".")[0] < 20))' 2>/dev/null || \
	  { echo "setup: Node 20 or newer with npm is needed" >&2; exit 1; }
	@echo "setup: npm packages"
	@npm ci --no-progress --loglevel=error
	@command -v anvil >/dev/null || echo "setup: npm has no anvil for $(os)-$(arch); put that of Foundry 1.7.1 on PATH (demo and some tests need it)" >&2
	@touch $@

# --- the contracts and the page -------------------------------------------------------------------

.PHONY: compile
compile: setup ## compile every contract afresh
	@ape compile -f

.PHONY: abi
abi: setup ## refresh the ABIs under interfaces/
	@$(python) -m tools.abi

.PHONY: web
web: node_modules/.stamp ## build the donation page into web/give/dist
	@npm run --silent build

.PHONY: docs
docs: setup ## write docs/contracts.md from the contracts' NatSpec
	@$(python) -m tools.contract_docs

# --- running and proving --------------------------------------------------------------------------

.PHONY: demo
demo: compile ## deploy on a local chain, give, claim, and show what moved
	@$(python) -m donablock.demo

.PHONY: demo-chain
demo-chain: setup ## open the chain that the demo left behind, and the giving page if it is built
	@$(python) -m donablock.demo open

.PHONY: up
up: setup ## watch a local chain (or DONABLOCK_NODES) and tell of it by webhooks, until Ctrl-C
	@donablock up

.PHONY: test
test: compile web ## all tests (under ten minutes on two cores)
	@$(python) -m pytest tests -n 2 --dist worksteal

.PHONY: test-deep
test-deep: setup ## a million calls of state machines, 500 schedules of faults, a fuzz of the API; adds up, can be resumed
	@$(python) -m tests.contracts.stateful.deep
	@$(python) -m tests.pipeline.deep
	@$(python) -m tests.web.fuzz

.PHONY: kafka
kafka: setup ## run the stream on a real Apache Kafka broker (needs Maven and Java 17)
	@$(python) -m tools.kafka

.PHONY: mutate
mutate: setup ## break every contract line by line; the tests must notice
	@$(python) -m tools.mutate

.PHONY: audit
audit: compile ## compare bytecode; print roles, invariants with their tests, gas, coverage
	@$(python) -m tools.audit

.PHONY: bench-gas
bench-gas: setup ## measure gas into build/bench/gas.json; fail above a ceiling
	@$(python) -m bench.gas

.PHONY: bench-monitor
bench-monitor: setup .venv-etl/.stamp ## measure the monitors into build/bench/monitor.json (under ten minutes)
	@$(python) -m bench.monitor $(if $(QUICK),--quick)

# --- the source -----------------------------------------------------------------------------------

.PHONY: lint
lint: setup .venv-format/.stamp ## every check of the source; names each that fails
	@$(python) -m tools.lint

.PHONY: format
format: setup .venv-format/.stamp ## format Python and Vyper
	@ruff check -q --fix-only . && ruff format -q .
	@$(python) -m tools.vyper_format

.PHONY: lock
lock: setup ## renew the lock files after a change of requirements*.in or package.json
	@for name in requirements requirements-uv requirements-format; do $(lock) -o $$name.txt $$name.in; done
	@$(lock) --override requirements-etl.in -o requirements-etl.txt requirements-etl.in
	@$(lock) -c requirements.txt -o requirements-run.txt requirements-run.in
	@npm install --package-lock-only --no-progress --loglevel=error

.PHONY: hooks
hooks: setup ## run the lint steps before each commit
	@pre-commit install

.PHONY: clean
clean: ## remove everything built; keeps the environments
	@rm -rf build .build web/give/dist .cache .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . \( -name '.venv*' -o -name node_modules -o -name .git \) -prune -o -name __pycache__ -type d -exec rm -rf {} +
