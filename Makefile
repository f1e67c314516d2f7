# `make` alone lists what can be made. Nothing but Python 3.11 or newer and make has to be there.

PYTHON ?= python3
BIN := .venv/bin
export DAGSTER_HOME ?= $(CURDIR)/.dagster_home
SPEC ?= examples/first_batch/spec.yaml
PORT ?= 3000

.DEFAULT_GOAL := help
.PHONY: help run test ui check format bench lock clean

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/run.stamp ## Run 90 conversations through the Dagster job, simulated, and report (SPEC=file)
	@$(BIN)/batch-pipelines run $(SPEC)

test: .venv/dev.stamp ## Run the test suite (PYTHON=python3.13 for another Python, TESTS=path for a part)
	@$(BIN)/python -m pytest -n auto --dist worksteal $(TESTS)

ui: .venv/run.stamp ## Serve the Dagster UI on loopback (PORT=3000)
	@mkdir -p $(DAGSTER_HOME)
	@test -e $(DAGSTER_HOME)/dagster.yaml || cp dagster.yaml $(DAGSTER_HOME)/dagster.yaml
	@echo "Dagster UI: http://127.0.0.1:$(PORT) (ready in about ten seconds; Ctrl-C stops it)"
	@PYTHONWARNINGS=ignore $(BIN)/dagster dev --workspace workspace.yaml --host 127.0.0.1 --port $(PORT) --log-level warning

check: .venv/dev.stamp ## Lint, check formatting, types and layers
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: .venv/dev.stamp ## Format the code and mend what lint can mend
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format

bench: .venv/dev.stamp ## Measure what the engine must reach, as a line of JSON a row (ROWS="cpu memory" for some)
	@$(BIN)/python -m benchmarks $(ROWS)

lock: ## Pin the newest versions that fit pyproject.toml (needs uv)
	@for set in run dev; do \
		extras="--extra install"; test $$set = run || extras="$$extras --extra dev"; \
		uv pip compile pyproject.toml $$extras --universal --python-version 3.11 --generate-hashes --no-strip-extras \
			--no-emit-index-url --no-annotate --no-header --quiet --output-file requirements/$$set.lock; \
	done

clean: ## Remove the environment and everything that runs left behind
	@rm -rf .venv .dagster_home .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

.venv/%.stamp: requirements/%.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with PYTHON=python3.12"; exit 1; }
	@echo "Setting up .venv from requirements/$*.lock (one to three minutes) ..."
	@$(BIN)/python -c 'import sys; print(sys.version_info[:2])' 2>/dev/null | \
		grep -qxF "$$($(PYTHON) -c 'import sys; print(sys.version_info[:2])')" || $(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r $<
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
