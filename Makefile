# Each target works from a fresh clone: make demo, make test, make bench, make docs, make lint,
# make header, make trust.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml setup.py build_ffi.py doubles_ffi/_native.c doubles_ffi/cli/doubles rustlib/Cargo.toml rustlib/Cargo.lock \
	$(shell find rustlib/src rustlib/include -type f)
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: demo test bench docs lint trust trust-self-test header clean

demo: $(VENV)/with-numpy
	$(BIN)/doubles count README.md
	$(BIN)/python examples/race.py

test: $(VENV)/with-test
	cargo test --quiet --locked --manifest-path rustlib/Cargo.toml
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report

# Writes docs/benchmarks.md, from the shortest times of several passes. One will do for a trial.
PASSES ?= 3
TIMES := --benchmark-enable --benchmark-only --benchmark-quiet \
	--benchmark-max-time=0.1 --benchmark-min-time=0.0002 --benchmark-min-rounds=2
bench: build/bench/ready
	cd tests && ../build/bench/bin/python -m benchmarks.load_before
	rm -f build/bench/pass-*.json
	for pass in $$(seq $(PASSES)); do \
		build/bench/bin/pytest -q tests/benchmarks $(TIMES) --benchmark-json=build/bench/pass-$$pass.json || exit; \
	done
	cd tests && ../build/bench/bin/python -m benchmarks.report ../build/bench/pass-*.json

# The site, into build/docs.
docs: $(VENV)/with-docs
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --fresh-env docs build/docs

lint: $(VENV)/with-lint
	cargo fmt --check --manifest-path rustlib/Cargo.toml
	cargo clippy --quiet --locked --all-targets --all-features --manifest-path rustlib/Cargo.toml -- -D warnings
	cargo fmt --check --manifest-path tests/benchmarks/peers/Cargo.toml
	cargo clippy --quiet --locked --manifest-path tests/benchmarks/peers/Cargo.toml -- -D warnings
	cargo fmt --check --manifest-path examples/minimal/Cargo.toml
	cargo clippy --quiet --locked --all-targets --target-dir build/minimal --manifest-path examples/minimal/Cargo.toml -- -D warnings
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --strict doubles_ffi
	$(BIN)/pyright --pythonpath $(BIN)/python

# Writes docs/reliability.md. ROWS are names of modules in tests/trust, all if there are none; MINUTES are for
# all of them together, and without it each takes as long as its goal does.
trust: $(VENV)/with-trust
	cd tests && ../$(BIN)/python -m trust $(if $(MINUTES),--minutes $(MINUTES)) $(ROWS)

# Each fault of tests/trust/plants.py, or of PLANTS, is found by its row.
trust-self-test: $(VENV)/with-trust
	cd tests && ../$(BIN)/python -m trust.self_test $(PLANTS)

# The package as its users install it: an editable one takes longer to start.
build/bench/ready: $(SOURCES) $(shell find doubles_ffi -name '*.py')
	$(PYTHON) -m venv build/bench
	build/bench/bin/python -m pip --quiet --disable-pip-version-check install '.[bench]'
	touch $@

# Renew rustlib/include/doubles.h from rustlib/src/ffi.rs.
header:
	DOUBLES_RENEW_HEADER=1 cargo test --quiet --locked --manifest-path rustlib/Cargo.toml --test header

clean:
	rm -rf $(VENV) build dist *.egg-info rustlib/target tests/benchmarks/peers/target doubles_ffi/*.so doubles_ffi/*.dylib

# The package, editable, with one of its extras.
$(VENV)/with-%: $(SOURCES) | $(BIN)/python
	$(PIP) install --editable '.[$*]'
	touch $@

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
