# `make up` and `make test` do all the set-up themselves; the second time there is nothing to set up.
SHELL = /bin/sh
.DEFAULT_GOAL = help
.PHONY: help setup up test simulate bench format lint docs lock clean
MAKEFLAGS += --no-print-directory

BIN = .venv/bin
STEP = @printf '\n── %s\n'

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1 | \2/p' Makefile | column -t -s '|' 2>/dev/null \
		|| sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1: \2/p' Makefile

setup: ## make .venv with exactly what requirements.lock names
	@sh infra/setup.sh

up: setup ## start everything; options: make up ARGS="--port 9000"
	@exec $(BIN)/patriot up $(ARGS)

test: lint ## check everything, then run every test; options: make test ARGS="-k log"
	$(STEP) 'pytest'
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

simulate: setup ## run the whole core on virtual time; options: make simulate SEEDS=20000, SEED=7
	@$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),300)) $(ARGS)

bench: setup ## measure, print a table, write bench.json; options: make bench ARGS="-k append"
	@$(BIN)/python -m tests.benchmarks $(ARGS)

format: setup ## format the code and sort its imports
	@$(BIN)/ruff check --quiet --select I --fix .
	@$(BIN)/ruff format .

lint: setup ## formatting, ruff, types, the law of imports, generated pages
	$(STEP) 'ruff format --check'
	@$(BIN)/ruff format --check .
	$(STEP) 'ruff check'
	@$(BIN)/ruff check .
	$(STEP) 'mypy --strict'
	@$(BIN)/python -m mypy
	$(STEP) 'lint-imports'
	@$(BIN)/lint-imports
	$(STEP) 'generated pages'
	@$(BIN)/python -m infra.docs --check && echo current

docs: setup ## write the generated pages of docs/reference
	@$(BIN)/python -m infra.docs

lock: ## resolve pyproject.toml anew into requirements.lock (needs uv)
	@command -v uv >/dev/null || { echo 'make lock needs uv: pip install uv' >&2; exit 1; }
	@uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		--group dev --all-extras pyproject.toml -o requirements.lock
	@echo 'requirements.lock is new: make test'

clean: ## remove .venv and caches; never the data in .data
	@rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache .hypothesis build *.egg-info
	@find . -name __pycache__ -not -path './.data/*' -prune -exec rm -rf {} +
