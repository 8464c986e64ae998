# Each target works from a fresh clone.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml setup.py build_ffi.py doubles_ffi/_native.c doubles_ffi/cli/doubles rustlib/Cargo.toml rustlib/Cargo.lock \
	$(shell find rustlib/src rustlib/include -type f)
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: demo test bench docs lint trust trust-self-test header man notices wheels install clean

demo: $(VENV)/with-numpy
	$(BIN)/doubles count README.md
	$(BIN)/python examples/race.py

test: $(VENV)/with-test
	cargo test --quiet --locked --manifest-path rustlib/Cargo.toml
	cargo test --quiet --locked --release --manifest-path rustlib/fuzz/Cargo.toml --target-dir rustlib/target
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report

# Writes docs/benchmarks.md, from the shortest times of several passes. One will do for a trial.
PASSES ?= 3
TIMES := --benchmark-enable --benchmark-only --benchmark-quiet \
	--benchmark-max-time=0.1 --benchmark-min-time=0.0002 --benchmark-min-rounds=2
bench: build/bench/ready
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
	cargo fmt --check --manifest-path rustlib/fuzz/Cargo.toml
	cargo clippy --quiet --locked --all-targets --manifest-path rustlib/fuzz/Cargo.toml --target-dir rustlib/target -- -D warnings
	cargo fmt --check --manifest-path tests/benchmarks/peers/Cargo.toml
	cargo clippy --quiet --locked --manifest-path tests/benchmarks/peers/Cargo.toml -- -D warnings
	cargo fmt --check --manifest-path examples/minimal/Cargo.toml
	cargo clippy --quiet --locked --all-targets --target-dir build/minimal --manifest-path examples/minimal/Cargo.toml -- -D warnings
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --strict doubles_ffi
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/zizmor --offline --no-progress --quiet .github/workflows

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

# Renew docs/doubles.1 from the command's parser.
man: $(VENV)/with-test
	DOUBLES_RENEW_MAN=1 $(BIN)/pytest -q tests/test_manual.py

# Renew what wheels say of the crates that are linked into the library, after any change of Cargo.lock.
# The SBOM would name this machine's folders.
notices: build/cargo/ready
	cd rustlib && PATH="$(CURDIR)/build/cargo/bin:$$PATH" && \
	cargo bundle-licenses --prefer MIT --format yaml --output LICENSES-THIRD-PARTY.yml && \
	SOURCE_DATE_EPOCH=315532800 cargo cyclonedx --quiet --format json --spec-version 1.5 --target all \
		--no-build-deps --override-filename doubles.cdx && \
	perl -pi -e 's,path\+file:[^"]*#(?=doubles@),,; s,\?download_url=file://\.,,' doubles.cdx.json

build/cargo/ready:
	cargo install --quiet --root build/cargo cargo-bundle-licenses@5.0.0 cargo-cyclonedx@0.5.9
	touch $@

# A wheel for each Python at hand and for the stable ABI, checked, tested and laid into dist. For Linux.
wheels: $(VENV)/with-wheels
	$(BIN)/python tests/wheels.py $(TAGS)

# For C: the header, the library, shared and static, what pkg-config says of them, and the manual page.
# cargo-c would do the same, but compiles the whole of cargo first.
PREFIX ?= /usr/local
ABI := $(shell sed -n 's/^.define DOUBLES_ABI_VERSION //p' rustlib/include/doubles.h)
VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' doubles_ffi/__init__.py)
ifeq ($(shell uname),Darwin)
SHARED := libdoubles.$(ABI).dylib
PLAIN := libdoubles.dylib
LINK_NAME := -Wl,-install_name,$(PREFIX)/lib/$(SHARED)
PRIVATE := -lSystem -lc -lm
else
SHARED := libdoubles.so.$(ABI)
PLAIN := libdoubles.so
LINK_NAME := -Wl,-soname,$(SHARED)
PRIVATE := -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
endif

install:
	cargo rustc --quiet --locked --release --lib --crate-type cdylib,staticlib --target-dir build/c \
		--config "build.rustflags=['--remap-path-prefix=$${CARGO_HOME:-$$HOME/.cargo}=/cargo']" \
		--manifest-path rustlib/Cargo.toml -- -C link-arg=$(LINK_NAME) -C strip=symbols
	install -d $(addprefix "$(DESTDIR)$(PREFIX)"/,include lib/pkgconfig share/man/man1)
	install -m 644 rustlib/include/doubles.h "$(DESTDIR)$(PREFIX)/include"
	install -m 755 build/c/release/$(PLAIN) "$(DESTDIR)$(PREFIX)/lib/$(SHARED)"
	ln -sf $(SHARED) "$(DESTDIR)$(PREFIX)/lib/$(PLAIN)"
	install -m 644 build/c/release/libdoubles.a "$(DESTDIR)$(PREFIX)/lib"
	strip -S "$(DESTDIR)$(PREFIX)/lib/libdoubles.a"
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|; s|@PRIVATE@|$(PRIVATE)|' rustlib/doubles.pc.in \
		>"$(DESTDIR)$(PREFIX)/lib/pkgconfig/doubles.pc"
	install -m 644 docs/doubles.1 "$(DESTDIR)$(PREFIX)/share/man/man1"

clean:
	rm -rf $(VENV) build dist *.egg-info rustlib/target rustlib/fuzz/target tests/benchmarks/peers/target doubles_ffi/*.so doubles_ffi/*.dylib

# The package, editable, with one of its extras.
$(VENV)/with-%: $(SOURCES) | $(BIN)/python
	$(PIP) install --editable '.[$*]'
	touch $@

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
