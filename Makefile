# Every target works on a fresh clone: it makes .venv, installs what requirements.lock pins, and
# installs again only when the lock or the package metadata changes.

PYTHON ?= python3
# One process per core. Extra arguments for pytest: make test PYTEST_ARGS="-k redeem".
PYTEST_WORKERS ?= auto
PYTEST_ARGS ?=
LOCK_TOOL = uv==0.13.9

# Paths are relative, so the folder's own name may hold spaces.
VENV = .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed

.DEFAULT_GOAL = help
.DELETE_ON_ERROR:
.PHONY: help install demo test serve check bench format lock clean

help: ## show this list
	@grep -hE '^[a-z]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 12

install: $(STAMP) ## make .venv and install everything pinned in requirements.lock

demo: $(STAMP) ## redeem a reward through each dialect on a private database, then prove the ledger
	$(BIN)/guerdon demo

test: $(STAMP) ## run the whole test suite
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist worksteal $(PYTEST_ARGS)

serve: $(STAMP) ## serve on 127.0.0.1:8700
	$(BIN)/guerdon serve --port 8700

check: $(STAMP) ## format, lint, types, import rules, and the checks on ourselves
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/test_house.py tests/house
	$(BIN)/python -m tests.house

bench: $(STAMP) ## measure everything, print the table and write docs/benchmarks.md (takes wrk)
	$(BIN)/python -m bench --write docs/benchmarks.md

format: $(STAMP) ## rewrite the code as check wants it
	$(BIN)/python -m ruff format .
	$(BIN)/python -m ruff check --fix .

lock: ## take the newest releases into requirements.lock
	$(PYTHON) -m venv .lock-venv
	.lock-venv/bin/python -m pip install --quiet $(LOCK_TOOL)
	.lock-venv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
		--generate-hashes --extra embedded --extra sandbox --group dev --no-emit-index-url --no-emit-find-links \
		--custom-compile-command "make lock" --output-file requirements.lock pyproject.toml
	rm -rf .lock-venv

clean: ## remove everything that make made
	rm -rf $(VENV) .lock-venv build dist .mypy_cache .pytest_cache .ruff_cache \
		.import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Debian's Python makes a venv with pip only where the package python3-venv is installed. Without it,
# the pip beside $(PYTHON), where there is one, brings pip into the venv.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Guerdon needs Python 3.11 or newer; name one: make PYTHON=python3.12" >&2; exit 1; }
	@if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
		rm -rf $(VENV); \
		$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 \
		|| { $(PYTHON) -m venv --clear --without-pip $(VENV) \
			&& $(PYTHON) -m pip --python $(BIN)/python install --quiet pip; } 2>/dev/null \
		|| { rm -rf $(VENV); \
			echo "$(PYTHON) cannot make a virtual environment." >&2; \
			echo "On Debian or Ubuntu: apt-get install python3-venv" >&2; \
			exit 1; }; \
	fi
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--no-deps --no-build-isolation --editable .
	@touch $(STAMP)
