# Two commands on a fresh machine: make demo, make test. Only Python, pip and make are assumed.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test quick check docs bench chaos mutants gpu-check test-slow install clean

demo: $(VENV)/.installed
	$(BIN)/transfer-study run experiments/demo.yaml

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n 2 --dist loadfile --durations 40 -m "not slow"

# Under a minute, for who is editing: what needs no model, no Ray, no browser and no other process.
WITH_PROCESSES := host prefixes object_storage bucket
quick: $(VENV)/.installed-test
	$(BIN)/python -m pytest -q -n 2 tests/study tests/store tests/metrics tests/terminal \
	  $(WITH_PROCESSES:%=--ignore tests/store/test_%.py) --deselect tests/store/test_store.py::test_a_killed_writer_leaves_only_whole_stages

test-slow: $(VENV)/.installed-test
	$(BIN)/python -m pytest -m slow --timeout 3600

check: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

# The site of docs/ and README.md, in site/; a warning is an error.
docs: $(VENV)/.installed-docs
	$(BIN)/python -m mkdocs build --strict

# Ten minutes on two cores that do nothing else: how fast it is beside what would be used instead.
# make bench CORPORA=FOLDER takes real sentences; DEVICE=cuda a GPU.
CORPORA ?=
DEVICE ?= cpu
bench: $(VENV)/.installed-test
	$(BIN)/python benchmarks/stage_speed.py $(CORPORA) --device $(DEVICE)
	$(BIN)/python benchmarks/stage_memory.py $(CORPORA) --device $(DEVICE)
	$(BIN)/python benchmarks/study_speed.py $(CORPORA) --device $(DEVICE)
	$(BIN)/python benchmarks/makespan.py
	$(BIN)/python benchmarks/scale.py --tasks 4 16

# Half an hour: whatever breaks, and wherever, a study ends with the same numbers; tests/chaos/.
chaos: $(VENV)/.installed-test
	$(BIN)/python -m tests.chaos
	$(BIN)/python -m tests.chaos.ray_kills

# Twenty minutes: which of a sample of planted faults no test notices.
mutants: $(VENV)/.installed-test
	$(PIP) cosmic-ray
	$(BIN)/python benchmarks/mutants.py

# On a machine with a GPU: is what runs there right, and what does it gain?
gpu-check: $(VENV)/.installed
	$(BIN)/python benchmarks/gpu_check.py

install: $(VENV)/.installed

# torch first and by its exact version: any other way may fetch gigabytes of CUDA libraries.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) torch==2.13.0
	$(PIP) --editable .
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(PIP) --editable ".[test]"
	touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(PIP) --editable ".[docs]"
	touch $@

clean:
	rm -rf $(VENV) site .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
