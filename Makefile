# Two commands matter: `make demo` shows Heartline at work, `make test` runs every check.
# Both first make the environment from the committed lock file; a second run finds it done.

SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements/dev.txt
STAMP := $(VENV)/.made-from-lock
UV := $(shell command -v uv 2>/dev/null)
PYTHON ?= python3

# An installation starts Python five times and the tests some hundred times: to compile all imports each time is half of
# a start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup servers demo test test-long fuzz chaos audit test-tools bytecode lint format types schemas metrics figures settings measures rules dashboards kubernetes chart docs sbom bench-tables bench-peers wheel lock clean

help:  ## Show the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: $(STAMP) servers  ## Make .venv from the lock file and fetch the embedded servers

$(STAMP): $(LOCK) pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Heartline needs Python 3.11 or newer; $(PYTHON) is {v.major}.{v.minor}. Name another one: make setup PYTHON=python3.12")'
ifneq ($(UV),)
	$(UV) venv --quiet --allow-existing --python "$$(command -v $(PYTHON))" $(VENV)
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r $(LOCK)
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
else
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
endif
	@touch $@

servers: $(STAMP)
	@$(BIN)/heartline servers fetch

demo: setup  ## Watch a synthetic company: events, live health, the first red flag within a minute
	$(BIN)/heartline demo

# Each process of pytest-xdist waits for its servers and roles half of the time: four for two cores. `make test WORKERS=0` runs all in one process.
WORKERS ?= 4

test: setup test-tools  ## Run every check: format, lint, types, and all tests on real servers
	@$(MAKE) --no-print-directory --jobs 2 types lint bytecode
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup

# Beside the type checker, which leaves a core idle: else each process of pytest-xdist would compile all by itself.
bytecode: $(STAMP)
	@$(BIN)/pytest --collect-only -qq >/dev/null || $(BIN)/pytest --collect-only -qq

test-long: setup test-tools  ## Run all tests with many more examples, and those over whole data sets (an hour)
	TEST_LONG=1 $(BIN)/pytest -n $(WORKERS) --dist loadgroup

MINUTES ?= 30
SEED ?= 1
BROKERS ?= 3
chaos: setup  ## Seeded faults against a running installation, into docs/chaos.md (MINUTES=30 SEED=1 BROKERS=3)
	$(BIN)/python -m tests.chaos --minutes $(MINUTES) --seed $(SEED) --brokers $(BROKERS) --json chaos-rounds.jsonl; \
	status=$$?; $(BIN)/python -m tests.chaos.report chaos-rounds.jsonl docs/chaos.md; exit $$status

SECONDS_OF_FUZZ ?= 600
fuzz: $(STAMP)  ## Feed the worker extreme and broken events and states (SECONDS_OF_FUZZ=600, or EVENTS=1000000)
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS_OF_FUZZ) $(if $(EVENTS),--events $(EVENTS)) --seed $$RANDOM

# Tests scrape with a real Prometheus, tell a real Alertmanager and drive the board in a real browser. What is missing is
# installed from Debian's packages if that is allowed.
test-tools:
	@missing=; for tool in prometheus prometheus-alertmanager chromium; do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	[ -z "$$missing" ] || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	  && echo "installing Debian's packages for the tests:$$missing" \
	  && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; } \
	  || echo "not on PATH:$$missing; the tests that need them will fail and say so"

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo --no-cache

format: $(STAMP)  ## Rewrite the code in the house's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

types: $(STAMP)
	$(BIN)/mypy

bench-tables: setup  ## Measure the worker over several shapes, into docs/benchmarks.md (ten minutes, a quiet machine)
	$(BIN)/python -m bench.tables

bench-peers: setup  ## Run Heartline and its six peers side by side, into docs/benchmarks.md (a quarter of an hour, a quiet machine)
	$(BIN)/python -m bench.run_peers
	$(BIN)/python -m bench.peers_chart

wheel: $(STAMP)  ## Build the wheel into dist/
	$(BIN)/hatchling build -t wheel -d dist

schemas: $(STAMP)  ## Write the JSON Schemas of all contracts into docs/schemas
	$(BIN)/heartline schemas --out docs/schemas

metrics: $(STAMP)  ## Write the list of all Prometheus metrics into docs/prometheus.md
	$(BIN)/heartline metrics --out docs/prometheus.md

figures: $(STAMP)  ## Write docs/figures.md from the definitions of the portfolio's figures
	$(BIN)/python -m heartline.reference.figures_page docs/figures.md

settings: $(STAMP)  ## Write docs/settings.md from what the settings declare
	$(BIN)/python -m heartline.reference.settings_page docs/settings.md

rules: $(STAMP)  ## Write docs/rules.md: what the alert rules declare, and the messages that come of it
	$(BIN)/python -m tests.rules_page

measures: $(STAMP)  ## Write the tables of docs/metrics.md from what the measures declare
	$(BIN)/python -m heartline.reference.measure_tables docs/metrics.md

dashboards: $(STAMP)  ## Write the Grafana dashboards' JSON from their code
	$(BIN)/python -m dashboards

kubernetes: $(STAMP)  ## Render the Helm chart into deploy/kubernetes (needs helm)
	cp deploy/prometheus/rules/*.yml deploy/helm/heartline/rules/
	$(BIN)/python -m tests.helm

CHART := deploy/helm/heartline
ALL_PARTS := --values deploy/helm/everything.yaml
chart:  ## Lint the Helm chart and render it as shipped and with all of its parts (without helm: says so)
	@command -v helm >/dev/null || { echo "no helm on PATH (https://helm.sh/docs/intro/install): the chart was not linted"; exit 0; }; \
	set -e; helm lint --strict --quiet $(CHART); helm lint --strict --quiet $(CHART) $(ALL_PARTS); \
	helm template heartline $(CHART) --kube-version 1.31.0 >/dev/null; \
	diff <(helm template heartline $(CHART) --kube-version 1.31.0 $(ALL_PARTS)) <(tail -n +3 deploy/kubernetes/heartline.yaml) \
	  || { echo "deploy/kubernetes is of another chart: make kubernetes"; exit 1; }; \
	echo "the chart is well-formed, and deploy/kubernetes is what it renders"

docs: $(STAMP)  ## Build the documentation's site into site/; a warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

# The versions stay as they are where they still fit; `make lock UPGRADE=--upgrade` takes the newest of all.
lock:  ## Compile the lock files again (needs uv)
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --no-annotate $(UPGRADE) --extra portfolio --extra otel pyproject.toml -o requirements/runtime.txt
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --no-annotate $(UPGRADE) --extra dev pyproject.toml -o $(LOCK)

sbom: $(STAMP)  ## Write dist/heartline.cdx.json, a bill of the locked dependencies
	@mkdir -p dist
	$(BIN)/cyclonedx-py requirements requirements/runtime.txt --of JSON -o dist/heartline.cdx.json

# Neither is locked: they look at what is, and run beside it.
audit: $(STAMP)  ## Known holes in the locked dependencies (pip-audit) and in the code (bandit); needs uv and PyPI
	uvx --quiet bandit -q -lll -r stream alerts consumers heartline
	uvx --quiet pip-audit --disable-pip --require-hashes -r requirements/runtime.txt

clean:  ## Remove the environment and what the tools left
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis dist site
