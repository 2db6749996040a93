# Two commands on a fresh machine with Python 3.11 to 3.13:
#   make study   sets everything up, runs a study on the embedded synthetic data, prints the report's path
#   make test    sets everything up and passes the tests
PYTHON ?= python3
VENV   := .venv
# small matrices: threads of a linear-algebra library would only wait for one another
export OPENBLAS_NUM_THREADS := 1
export OMP_NUM_THREADS := 1
BIN    := $(VENV)/bin
UV     := $(BIN)/uv
STUDY  ?= studies/synthetic-hotspots
CALIBRATIONS := $(sort $(wildcard benchmarks/calibration*.py benchmarks/*_false_alarms.py))

.PHONY: study test check calibrate bench docs lab lock clean

study: $(VENV)/.ready-run
	$(BIN)/whatworks run $(STUDY)

test: $(VENV)/.ready-test
	$(BIN)/ruff check toolkit tests benchmarks
	$(BIN)/ruff format --check toolkit tests benchmarks
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow"

# matrices are small there: threads that wait for one another would take most of the time
calibrate: export OPENBLAS_NUM_THREADS = 1
calibrate: export OMP_NUM_THREADS = 1
calibrate: $(VENV)/.ready-test        ## long simulations: bias, coverage, size and false alarms; hours
	$(BIN)/python -m pytest -m slow
	@for script in $(CALIBRATIONS); do \
	  printf '\n## %s\n\n' $$script; $(BIN)/python $$script || exit 1; \
	done

bench: $(VENV)/.ready-test            ## ratios within one run, peers in their own environment
	$(BIN)/python benchmarks/run.py

docs: $(VENV)/.ready-test
	$(BIN)/mkdocs build --strict

check: $(VENV)/.ready-test            ## what the hooks of .pre-commit-config.yaml run: lint, types, rules of the house
	$(BIN)/ruff check toolkit tests benchmarks
	$(BIN)/ruff format --check toolkit tests benchmarks
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/house -m "not slow and not notebook"

lab: $(VENV)/.ready-lab
	$(BIN)/whatworks lab

lock: $(VENV)/.uv                     ## new versions; review the diff before committing
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra build pyproject.toml -o requirements/run.txt
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra build --extra test --extra docs -c requirements/run.txt pyproject.toml -o requirements/test.txt
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra build --extra lab -c requirements/run.txt pyproject.toml -o requirements/lab.txt

clean:
	rm -rf $(VENV) build dist site .pytest_cache .mypy_cache .ruff_cache

$(VENV)/.uv: requirements/uv.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "whatworks needs Python 3.11, 3.12 or 3.13; this is " + sys.version.split()[0] + ". Choose one with: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt
	touch $@

# one recipe for the three environments: a wider one satisfies a narrower one, so nothing is ever removed
$(VENV)/.ready-%: requirements/%.txt pyproject.toml $(VENV)/.uv
	$(UV) pip install -q --python $(BIN)/python --require-hashes -r requirements/$*.txt
	$(UV) pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	touch $@
