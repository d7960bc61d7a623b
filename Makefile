# make demo   set up from nothing, draw what mvae_poe does, print its figures
# make core   set up from nothing, run the tests that cost little: theory, and one kind of model a family
# make test   set up from nothing, run all tests
# make check  lint, format, tests and documentation
# make docs   set up from nothing, build the documentation
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# Groups of tests (tests/conftest.py) are shared out among processes: one test is mostly one thread's work.
PARALLEL = -n auto --maxprocesses 4 --dist loadgroup

.PHONY: demo core test check docs clean

demo: $(VENV)/installed
	$(BIN)/keras-vae preview mvae_poe --output demo.png
	$(BIN)/keras-vae card mvae_poe
	@echo "The picture: demo.png"

core: $(VENV)/installed-dev
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow and not further"

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest $(PARALLEL)

check: $(VENV)/installed-dev docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest $(PARALLEL)

docs: $(VENV)/installed-docs
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet docs build/docs
	@echo "The documentation: build/docs/index.html"

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/installed-dev: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[all]"
	touch $@ $(VENV)/installed

$(VENV)/installed-docs: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[docs]"
	touch $@ $(VENV)/installed

clean:
	rm -rf $(VENV) build dist runs docs/generated *.egg-info
