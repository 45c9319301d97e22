# Everything one does here; `make` or `make help` lists it.
# Variables: PYTHON (interpreter for .venv), JOBS (parallel test processes), ARGS (passed on).

PYTHON ?=
JOBS ?= 2
ARGS ?=
BIN := .venv/bin
PYTEST = $(BIN)/pytest --numprocesses=$(JOBS) --dist=loadgroup

export PYTHON

.DEFAULT_GOAL := help
.PHONY: help dev demo up test check api-docs contract format lock clean

help: ## show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

dev: ## install everything into .venv (again, only if something changed)
	@tools/bootstrap.sh

demo: dev ## run a whole farm here and render something into ./demo-output/
	$(BIN)/rushlight demo $(ARGS)

up: dev ## run a farm on this machine: API, dispatcher, reaper and a worker
	$(BIN)/rushlight up $(ARGS)

test: dev ## run every test
	@tools/programs.sh
	$(PYTEST) $(ARGS)

check: dev ## what CI runs first: lint, types, who imports whom, unit tests, house rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(PYTEST) tests/unit tests/test_house_rules.py

api-docs: dev ## write docs/openapi.json and docs/postman.json from the code
	$(BIN)/python -m rushlight_api.openapi docs

contract: dev ## try the API against its own document, as every role, long (ARGS="--role worker")
	$(BIN)/python -m tests.integration.openapi.run $(ARGS)

format: dev ## format and fix what can be fixed without thought
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: dev ## resolve the dependencies again (ARGS=--upgrade for newer ones)
	tools/lock.sh $(ARGS)

clean: ## remove the environment, caches and what demo and up left behind
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	rm -rf build dist demo-output rushlight-data
	find shared services tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
