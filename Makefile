# Two commands: `make app` runs the dashboard, `make test` tests it. `make test-all` adds the tests that take long.
PYTHON ?= python3
BIN := .venv/bin
# Which tests are run: `make test-all` sets it to `long` for its second round.
CHOSEN := not long
# Tests that start workers, servers and a browser, and those that compute in one process.
SERVING := tests/faults tests/e2e
COMPUTING := tests/unit tests/registry tests/oracle tests/security tests/app

.PHONY: app test test-computing test-serving test-all check lint types format screenshots audit constraints
app: .venv/app
	$(BIN)/streamlit run app.py

test: .venv/dev
	$(BIN)/python -m tests.browser --install
	$(MAKE) --no-print-directory -j2 test-computing test-serving

# The two halves of the tests, which run at once.
test-computing:
	$(BIN)/python -m pytest -m "$(CHOSEN)" -o cache_dir=.pytest_cache/computing $(COMPUTING)

test-serving:
	$(BIN)/python -m pytest -m "$(CHOSEN)" -o cache_dir=.pytest_cache/serving $(SERVING)

test-all: test
	$(MAKE) --no-print-directory -j2 CHOSEN=long test-computing test-serving

check: lint types test

lint: .venv/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: .venv/dev
	$(BIN)/pyright

format: .venv/dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

screenshots: .venv/dev
	$(BIN)/python -m docs.screenshots

audit: .venv/dev
	$(BIN)/python .ci/audit.py

constraints: .venv/dev
	$(BIN)/python .ci/constraints.py

.venv/app: requirements.txt constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -c constraints.txt
	touch $@

.venv/dev: requirements.txt requirements-dev.txt requirements-mlflow.txt constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt -c constraints.txt
	touch $@
