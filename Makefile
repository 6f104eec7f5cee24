# Two commands: `make app` runs the dashboard, `make test` tests it. `make test-all` adds the tests that take long.
PYTHON ?= python3
BIN := .venv/bin
# Test processes at once, which take tests from each other, so that all end at the same time.
PROCESSES := 2
# Tests that `make test-all` runs once more with the runs on a PostgreSQL server.
ON_SERVER := $(addprefix tests/unit/store/test_,store.py run_pages.py people.py polls.py drawings.py quotas.py \
	fair_order.py queueing.py imported_runs.py retention.py) tests/unit/jobs tests/unit/sweeps \
	tests/unit/commands/test_cli.py tests/faults/test_jobs.py \
	$(addprefix tests/app/test_,train_page.py run_table.py many_runs.py sweeps_page.py student_pages.py)
PYTEST := $(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist worksteal

.PHONY: app test test-all test-cluster check lint types format screenshots audit constraints
app: .venv/app
	$(BIN)/streamlit run app.py

test: .venv/dev
	$(BIN)/python -m tests.browser --install
	$(PYTEST) -m "not long"

test-all: test
	$(BIN)/python -m tests.postgres_server --install
	$(BIN)/python -m tests.haproxy --install
	$(PYTEST) -m long
	MNIST_LAB_TEST_DATABASE=postgres $(PYTEST) -m "not long" $(ON_SERVER)

# Twenty minutes: machines with own networks, of which one is cut off, and heads that are started anew. Needs root.
test-cluster: .venv/dev
	$(BIN)/python -m tests.postgres_server --install
	$(BIN)/python -m pytest tests/cluster

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

.venv/dev: requirements.txt requirements-dev.txt requirements-mlflow.txt requirements-cluster.txt constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt -c constraints.txt
	touch $@
