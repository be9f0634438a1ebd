PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo test lint

# Trains on embedded handwritten digits, evaluates, and names the report to open.
demo: $(VENV)/.installed
	$(BIN)/python train.py --config=configs/digits.py --workdir=runs/digits
	$(BIN)/python evaluate.py --workdir=runs/digits --application=all

test: $(VENV)/.installed
	$(BIN)/python -m pytest

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@
