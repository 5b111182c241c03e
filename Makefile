# `make compare` and `make test` set up everything they need in .venv, from Python 3.11 or 3.12 and a package index.

SUPPORTED := import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))
PYTHON ?= $(shell for p in python3 python3.12 python3.11 python; do \
	$$p -c '$(SUPPORTED)' 2>/dev/null && echo $$p && break; done)
BUILD := $(shell nvidia-smi -L >/dev/null 2>&1 && echo cuda13 || echo cpu)
BIN := .venv/bin
comma := ,
CUDA := $(filter cuda13,$(BUILD))

# $(call install,EXTRAS): the project with its extras, at the pins for this Python and this build.
install = $(BIN)/python -m pip install --disable-pip-version-check -e '.$(1)' \
	-c constraints/py$$($(BIN)/python -c 'import sys; print("%d%d" % sys.version_info[:2])')-$(BUILD).txt

# What `make check` runs beside the linters.
ROOMS := tests/test_house.py $(addprefix tests/compare/,verdict arrays weights/test_weights.py pair/test_pair.py report)
ZOO := tests/compare/zoo/test_zoo.py::test_a_sound_port_is_a_match
SOUND := mlp_linen mlp_nnx mlp_function mlp_dropout_equinox
PLANTED := tests/compare/planted/test_planted.py::test_a_planted_fault_is_seen_placed_and_named
FAULTS := '$(PLANTED)[residual forgotten (Linen)]' '$(PLANTED)[skip stopped in the gradient (NNX)]' \
	'$(PLANTED)[sum for mean (Linen)]' '$(PLANTED)[momentum 0.99 for 0.9 (Linen)]' \
	'$(PLANTED)[BatchNorm momentum 0.99 for 0.9 (NNX)]'
QUICK := $(ROOMS) $(SOUND:%='$(ZOO)[%]') $(FAULTS)
SETS :=

DISPATCHED := from numpy._core import _multiarray_umath as m; print(*m.__cpu_dispatch__)

.PHONY: compare book test check versions plain lint clean
.DELETE_ON_ERROR:

compare: .venv/ready  # verify every pair, train both sides on real images, write report/
	@$(BIN)/jaxport

book: .venv/ready  # every lesson, run and written as a site: open book/index.html
	@$(BIN)/jaxport book

test: .venv/ready-to-test  # every test, on every core: one thread each, or they would wait for each other
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal

check: lint  # for the hand: the linters, the rooms that cost little, and of each kind of port and of fault one
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --dist worksteal $(QUICK)

versions:  # the quick tests in each tested set of versions, or in those of SETS, each in an environment of its own
	@'$(PYTHON)' scripts/versions.py $(SETS:%=--set %) -- $(QUICK)

plain: .venv/ready-to-test  # the tests on the plainest kernels of torch and NumPy: none may need a processor's own
	@ATEN_CPU_CAPABILITY=default NPY_DISABLE_CPU_FEATURES="$$($(BIN)/python -c '$(DISPATCHED)')" \
		OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal

lint: .venv/ready-to-test  # ruff and the type checker
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

.venv/bin/python:
	@'$(PYTHON)' -c '$(SUPPORTED)' 2>/dev/null || { \
		echo "make: needs Python 3.11 or 3.12, found $(or $(PYTHON),none of them): try make PYTHON=/path/to/one" >&2; exit 2; }
	'$(PYTHON)' -m venv .venv

.venv/ready: pyproject.toml $(wildcard constraints/*.txt) | .venv/bin/python
	$(call install,$(if $(CUDA),[cuda13]))
	@touch $@

.venv/ready-to-test: .venv/ready
	$(call install,[lint$(if $(CUDA),$(comma)cuda13)])
	@touch $@

clean:  # what the commands made
	rm -rf .venv .versions report book build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
