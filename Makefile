# SPDX-License-Identifier: EUPL-1.2
# Every target sets up what it needs; nothing is installed outside .venv.
PYTHON ?= python3
BIN := .venv/bin
# Byte code is made of what is used when it is first used: of all that is installed it takes as long as the installing.
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-compile
GO := $(or $(shell command -v go 2>/dev/null),$(wildcard /usr/local/go/bin/go))

.DEFAULT_GOAL := help
.PHONY: help install install-dev demo test go browser screenshots fuzz check bench lock clean

help: ## Show what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

install: .venv/.run-installed ## Install Sluis and what it runs on, pinned by hash, into .venv
install-dev: .venv/.dev-installed ## Also install what tests and checks need

demo: .venv/.demo-installed ## Run five agencies, three key-holders and a broker; tell a story; match real public data (ONCE=1: end by itself; SHORT=1: the story alone)
	$(BIN)/python -m deploy.demo $(if $(ONCE),--once) $(if $(SHORT),--short)

test: .venv/.dev-installed go browser ## Run all tests (real PostgreSQL, real processes, a real browser, other people's witnesses in Go)
	$(BIN)/python -m tests $(PYTEST_ARGS)

go: # Compile what tests/interop runs, which takes a minute the first time: no test should wait for it
	@test -n "$(GO)" || { echo "Install Go 1.26 or newer (go.dev/doc/install): the tests let programs that we did not write check the log; tests/interop/README.md says which." >&2; exit 1; }
	$(GO) build -C tests/interop -mod=readonly -buildvcs=false . filippo.io/torchwood/cmd/litewitness

browser: .venv/.dev-installed # Make sure that there is a Chromium for tests/browser, and that it starts
	$(BIN)/python -m tests.browser.chromium

screenshots: .venv/.dev-installed browser ## Make the pictures of the console in docs/ anew
	SLUIS_PICTURES=docs $(BIN)/python -m pytest -q tests/browser/test_day.py -k Dutch

fuzz: .venv/.dev-installed ## Run the property-based tests with new random draws (`make test` draws the same ones each time)
	$(BIN)/python -m pytest -q -m hypothesis --hypothesis-profile=new $(PYTEST_ARGS)

check: .venv/.dev-installed ## Lint, type-check, check imports, dependencies, policies, licences and docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/reuse --suppress-deprecation lint --quiet
	$(BIN)/sluis policy check policies
	$(BIN)/python -m tests.check_docs

bench: .venv/.dev-installed ## Measure, as ratios against a peer or a floor in the same run; writes bench.json
	$(BIN)/python -m tests.bench

lock: ## Renew the locks after a change of pyproject.toml (needs the program uv)
	$(LOCK) --extra build pyproject.toml -o requirements.lock
	$(LOCK) --extra build --extra dev pyproject.toml -o requirements-dev.lock
	$(LOCK) --no-deps deploy/demo/requirements.in -o requirements-demo.lock

LOCK := uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-header --no-annotate

clean: ## Remove the environment and everything that was made
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache bench.json

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Sluis needs Python 3.11 or newer.") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv

.venv/.run-installed: requirements.lock pyproject.toml | .venv/bin/python
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.demo-installed: requirements-demo.lock .venv/.run-installed
	$(PIP) --require-hashes --no-deps -r requirements-demo.lock
	@touch $@

.venv/.dev-installed: requirements-dev.lock pyproject.toml | .venv/bin/python
	$(PIP) --require-hashes -r requirements-dev.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@ .venv/.run-installed .venv/.demo-installed
