# Everything a newcomer, a developer and CI need. `make help` lists it.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# One process more than there are cores, for tests wait; those of a file stay together and share what they opened.
PYTEST = $(BIN)/python -m pytest -n $$(( $$(getconf _NPROCESSORS_ONLN) + 1 )) --dist loadfile --no-loadscope-reorder
SUDO := $(shell [ "$$(id -u)" = 0 ] || command -v sudo)
# Tests start the service over and over: what is compiled once is kept, also where somebody keeps no bytecode.
unexport PYTHONDONTWRITEBYTECODE
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help

.PHONY: help setup demo test test-long test-sip check check-extension extension fix bench lock ready compiled
help: ## say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(VENV)/.runs ## install what the service needs to run

$(VENV)/.runs: requirements/run.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	echo "$(CURDIR)" > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/connector.pth"
	printf '#!/bin/sh\nexec "$(CURDIR)/$(BIN)/python" -m connector "$$@"\n' > $(BIN)/connector && chmod +x $(BIN)/connector
	touch $@

$(VENV)/.tests: $(VENV)/.runs requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	touch $@

# Certificates are the system's: many an office's network has one of its own.
tests/node/node_modules/.done: $(VENV)/.tests tests/node/package-lock.json
	cd tests/node && NODE_OPTIONS=--use-system-ca npm ci --loglevel=error --ignore-scripts --no-audit --no-fund
	touch $@

browser_extension/node_modules/.done: $(VENV)/.tests browser_extension/package-lock.json
	cd browser_extension && NODE_OPTIONS=--use-system-ca npm ci --loglevel=error --ignore-scripts --no-audit --no-fund
	touch $@

# libatomic1 is for the Node that Playwright brings.
/usr/bin/chromium /usr/bin/firefox-esr &:
	$(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq --no-install-recommends chromium firefox-esr fonts-dejavu-core libatomic1 >/dev/null

# Kamailio's service is not wanted: tests start their own, on loopback.
/usr/sbin/kamailio /usr/bin/baresip &:
	[ ! -d /run/systemd/system ] || $(SUDO) systemctl mask --quiet kamailio
	$(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq --no-install-recommends kamailio kamailio-extra-modules baresip-core >/dev/null

demo: setup ## run the product with simulated vendors; ARGS=--once plays a day and ends
	$(BIN)/python -m connector demo $(ARGS)

check: $(VENV)/.tests ## format, lint, types, import rules, migrations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.check_migrations

extension: browser_extension/node_modules/.done ## build the browser extension: a zip for Chrome, one for Firefox
	cd browser_extension && npm run --silent build >/dev/null && npm run --silent pack

check-extension: extension ## the extension's types, lint, tests, limits, and what Firefox's store says
	cd browser_extension && npm run --silent check && npm run --silent lint:firefox

# Pytest rewrites what it runs: here once, and not in each of its processes at the same time. What is wrong, it says later.
compiled: $(VENV)/.tests
	$(BIN)/python -m pytest --collect-only -qq >/dev/null || true

# What tests need, and what is checked without them, side by side: each of it waits, or keeps one core busy.
ready: check check-extension compiled tests/node/node_modules/.done /usr/bin/chromium /usr/bin/firefox-esr

test: ## every check and every test
	$(MAKE) --no-print-directory -j3 --output-sync=target ready
	$(PYTEST) $(ARGS)

test-long: ## the same tests, run longer
	$(MAKE) --no-print-directory -j3 --output-sync=target ready
	CONNECTOR_TEST_LONG=1 $(PYTEST) $(ARGS)

test-sip: $(VENV)/.tests /usr/sbin/kamailio /usr/bin/baresip ## calls between real SIP phones, beside the tests above
	timeout --foreground 300 $(BIN)/python -m pytest tests/sip $(ARGS)

fix: $(VENV)/.tests ## format and mend what can be mended
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: setup $(VENV)/.tests browser_extension/node_modules/.done /usr/bin/chromium ## the benchmarks; each prints one JSON object on its last line
	$(BIN)/python -m tests.bench.activities
	$(BIN)/python -m tests.bench.index
	$(BIN)/python -m tests.bench.hooks
	$(BIN)/python -m tests.bench.reconcile
	$(BIN)/python -m tests.bench.load
	$(BIN)/python -m tests.bench.deals
	$(BIN)/python -m tests.bench.console
	$(BIN)/python -m tests.bench.realtime
	$(BIN)/python -m tests.bench.pages

lock: ## pin dependencies anew (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate pyproject.toml -o requirements/run.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --extra dev pyproject.toml -o requirements/dev.txt
