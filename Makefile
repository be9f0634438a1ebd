PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo test test-slow lint bench bench-quick

# Trains on embedded handwritten digits, evaluates, and names the report to open. A first picture
# comes before that, after 20 of the 200 epochs.
demo: $(VENV)/.demo
	$(BIN)/python -m vae_jax.cli first --config=digits --workdir=runs/first --epochs=20
	$(BIN)/python train.py --config=configs/digits.py --workdir=runs/digits
	$(BIN)/python evaluate.py --workdir=runs/digits --application=all

test: $(VENV)/.installed
	$(BIN)/python -m pytest --numprocesses=auto --dist=loadfile --no-loadscope-reorder

# Minutes rather than seconds each: kills, ten thousand damaged files, evaluations in a row.
test-slow: $(VENV)/.installed
	$(BIN)/python -m pytest --numprocesses=auto -m slow

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# Every comparison, into docs/benchmarks.md; the quick one prints the first two.
bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks --write

bench-quick: $(VENV)/.bench
	$(BIN)/python -m benchmarks --quick

# Uses the PyTorch that is there; else the extra brings one.
$(VENV)/.bench: $(VENV)/.installed
	$(BIN)/python -c 'import torch, pythae' 2> /dev/null || \
	  $(BIN)/python -m pip install --quiet --editable '.[bench]'
	touch $@

$(VENV)/.installed: pyproject.toml setup.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@ $(VENV)/.demo

# What the demo needs, without what the tests need.
$(VENV)/.demo: pyproject.toml setup.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	touch $@
