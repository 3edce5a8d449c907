# make setup, make run, make test; `make help` lists the rest.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
BIN := .venv/bin
STAMP := .venv/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
LOCK := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/python -m piptools compile --quiet --generate-hashes --allow-unsafe \
	--strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host

.PHONY: help setup run test check format coverage bench lock clean

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 12

setup: $(STAMP) ## Create .venv with the locked libraries (those of development included) and Adjoint

$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Adjoint needs Python 3.11 or newer, and $(PYTHON) is not: name another, as in make PYTHON=python3.12 setup" >&2; exit 1; }
	@$(BIN)/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || $(PYTHON) -m venv --clear .venv
	$(PIP) install --require-hashes --requirement requirements-dev.lock
	PYTHONWARNINGS=ignore $(PIP) install --no-index --no-deps --no-build-isolation --editable .
	@touch $@

run: setup ## Serve; HOST=, PORT= and WORKERS= change where and with how many processes
	$(BIN)/adjoint serve --host $(HOST) --port $(PORT) $(if $(WORKERS),--workers $(WORKERS))

# With STATUS=file the exit code of pytest goes there, instead of becoming an error message and a 2 of make.
test: setup ## Run the tests on all cores; ARGS="-k name" chooses
	$(BIN)/python -m pytest --numprocesses auto $(ARGS) $(if $(STATUS),; echo $$? > $(STATUS))

check: setup ## Check format, lint, types and the direction of imports
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/python -m pytest --quiet tests/house/test_imports.py

format: setup ## Format, and repair what ruff can repair
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

coverage: setup ## Run the tests on one core and show the lines that none of them reaches
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

bench: setup ## Measure; the libraries compared with come by .venv/bin/pip install -e '.[bench]'
	$(BIN)/python -m benchmarks $(ARGS)

lock: setup ## Write both lock files anew from pyproject.toml; ARGS=--upgrade takes the newest versions
	$(LOCK) $(ARGS) --output-file requirements.lock pyproject.toml
	$(LOCK) $(ARGS) --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml

clean: ## Remove caches and what was built, not .venv
	rm -rf build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage .coverage.*
	find . -path ./.venv -prune -o -name __pycache__ -type d -exec rm -rf {} +
