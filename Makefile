# Two commands do everything on a fresh machine: `make chat` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: chat test lint setup bench clean

chat: setup  ## open the app on http://127.0.0.1:7860
	@$(BIN)/tiller chat

setup: $(VENV)/.prepared  ## install and prepare everything, open nothing

test: lint  ## lint, then the whole default test suite, a worker a core; long files come first
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup
	$(BIN)/tiller bench

clean:  ## forget the installation; your data directory stays
	rm -rf $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tiller needs Python 3.11 or newer: run `make PYTHON=python3.11 chat`.")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
	@echo "Installing the packages into $(VENV) (a few minutes, once) …"
	@$(PIP) --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	@$(PIP) --editable '.[dev]'
	@touch $@

$(VENV)/.prepared: $(VENV)/.installed
	@echo "Preparing the data (a few minutes, once) …"
	@$(BIN)/tiller prepare
	@touch $@
