# `make compare` and `make test` set up everything they need in .venv, from Python 3.11 or 3.12 and the package index.

SUPPORTED := import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))
PYTHON ?= $(shell for p in python3 python3.12 python3.11 python; do \
	$$p -c '$(SUPPORTED)' 2>/dev/null && echo $$p && break; done)
VERSION = $(shell $(PYTHON) -c 'import sys; print("%d%d" % sys.version_info[:2])')
BUILD := $(shell nvidia-smi -L >/dev/null 2>&1 && echo cuda13 || echo cpu)
CONSTRAINTS = constraints/py$(VERSION)-$(BUILD).txt
comma := ,
BIN := .venv/bin

.PHONY: compare test lint clean
.DELETE_ON_ERROR:

compare: .venv/ready  ## verify every pair, train both sides on real images, write report/
	@$(BIN)/python -m compare

test: .venv/ready-lint  ## every test
	@$(BIN)/python -m pytest

lint: .venv/ready-lint  ## ruff and the type checker
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "make: needs Python 3.11 or 3.12 (or PYTHON=/path/to/one)" >&2; exit 2; }
	$(PYTHON) -m venv .venv

.venv/ready: pyproject.toml $(wildcard constraints/*.txt) | .venv/bin/python
	$(BIN)/python -m pip install --disable-pip-version-check -c $(CONSTRAINTS) -e '.$(if $(filter cuda13,$(BUILD)),[cuda13])'
	@touch $@

.venv/ready-lint: .venv/ready
	$(BIN)/python -m pip install --disable-pip-version-check -c $(CONSTRAINTS) -e '.[lint$(if $(filter cuda13,$(BUILD)),$(comma)cuda13)]'
	@touch $@

clean:  ## what the commands made
	rm -rf .venv report build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
