# Everything that is done with this checkout. On a fresh Debian 12, `make run` and `make test` install what they need.

PYTHON ?= /usr/bin/python3
PORT ?= 8787
WORKERS ?= 2
ARGS ?=
# PACKAGES=present says that the system's packages are there under other names, and skips the look for them.
PACKAGES ?=

BIN := .venv/bin
# One file stays in one worker, so that the servers which its tests share are started once.
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile
SHELL_SCRIPTS = $(shell git ls-files --cached --others --exclude-standard | xargs -r grep -lE '^\#! ?/bin/(ba)?sh' --)

export PYTHON
export MAKE_TARGET := $(firstword $(MAKECMDGOALS))

.DEFAULT_GOAL := help
.PHONY: help run test quick lint format bench venv lock schemas dashboards clean packages-run packages-test

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  PORT=$(PORT) (run)   ARGS='...' (test, quick, bench: passed on)   WORKERS=$(WORKERS) (test, quick)"

run: packages-run ## the demonstration, on 127.0.0.1:8787 (PORT=…) until Ctrl-C
	@tools/venv runtime
	@exec $(BIN)/enclume demo --port $(PORT)

test: venv ## every test, those that start real servers included (as root, or through sudo)
	tools/as_root $(PYTEST) $(ARGS)

quick: venv ## the tests that start no server, in a minute or two
	$(PYTEST) --ignore tests/live $(ARGS)

lint: venv ## ruff, mypy --strict and shellcheck
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --strict
	$(BIN)/mypy --strict --python-version 3.10 facts/observer/enclume-observe
	shellcheck --severity=style $(SHELL_SCRIPTS)

format: venv ## let ruff lay out the code and repair what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: venv ## measure on an estate of 10,000 nodes, and print a table
	tools/as_root $(BIN)/python -m tests.bench $(ARGS)

venv: packages-test ## what the tests need, from Debian and into .venv
	@tools/venv dev

lock: ## renew requirements/*.txt (ARGS=--keep: only what is new in the .in files)
	tools/lock $(ARGS)

schemas: venv ## write docs/schemas from web/bodies.py
	$(BIN)/python -m tools.schemas

dashboards: venv ## write Grafana's dashboards from tools/dashboards.yaml
	$(BIN)/python -m tools.dashboards

clean: ## remove everything that was made here
	rm -rf .venv .venv.lock .demo .cache build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

packages-run packages-test:
	@$(if $(filter present,$(PACKAGES)),:,tools/packages $(@:packages-%=%))
