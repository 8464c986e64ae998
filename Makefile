# Each target works from a fresh clone. `make` alone lists those with two number signs.
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml setup.py build_ffi.py $(wildcard doubles_ffi/*.c) doubles_ffi/cli/doubles rustlib/Cargo.toml rustlib/Cargo.lock \
	$(shell find rustlib/src rustlib/include -type f)
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: help demo test test-release test-kernels test-packages test-c test-minimal-versions msrv miri bench docs \
	lint rustdoc windows trust trust-briefly trust-self-test header man notices wheels install uninstall clean

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1:/p' Makefile | awk -F: '{ printf "make %-22s %s\n", $$1, $$2 }'

demo: $(VENV)/with-numpy ## count the doubles of README.md and race the ladder
	$(BIN)/doubles count README.md
	$(BIN)/python examples/race.py

test: $(VENV)/with-test ## run all tests, with coverage
	cargo test --quiet --locked --manifest-path rustlib/Cargo.toml
	cargo test --quiet --locked --release --manifest-path rustlib/fuzz/Cargo.toml --target-dir rustlib/target
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report

test-release: ## run the crate's tests in release mode, and with a panic in each export
	cargo test --quiet --locked --release --manifest-path rustlib/Cargo.toml
	cargo test --quiet --locked --features forced-panic --manifest-path rustlib/Cargo.toml --test forced_panic

test-kernels: $(VENV)/with-test ## run the tests again with each slower kernel
	.ci/kernels

test-packages: ## build and install from clean copies, as users do
	.ci/packages

test-c: ## install for C, compile the examples, uninstall
	.ci/c-library

test-minimal-versions: ## test with the oldest dependencies that are allowed (Python 3.10 or 3.11)
	.ci/minimal-versions

MSRV := $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' rustlib/Cargo.toml)
msrv: ## build with the oldest Rust that is allowed (rustup toolchain install)
	cargo +$(MSRV) build --quiet --locked --release --target-dir build/msrv --manifest-path rustlib/Cargo.toml

# What has no thread, no fork and no instruction of one CPU alone.
miri: ## run the safe core's tests under Miri (a nightly toolchain with its component miri)
	MIRIFLAGS=-Zmiri-disable-isolation DOUBLES_KERNEL=portable cargo +nightly miri test --locked --lib \
		--target-dir build/miri --manifest-path rustlib/Cargo.toml -- code_points:: summary:: text_summary:: tally::

# Writes docs/benchmarks.md, from the shortest times of several passes. One will do for a trial. With
# DOUBLES_KERNEL=avx2 it replaces only the column of goals of that kernel.
PASSES ?= 3
TIMES := --benchmark-enable --benchmark-only --benchmark-quiet \
	--benchmark-max-time=0.1 --benchmark-min-time=0.0002 --benchmark-min-rounds=2
bench: build/bench/ready ## measure, into docs/benchmarks.md (ten minutes, or PASSES=1)
	rm -f build/bench/pass-*.json
	for pass in $$(seq $(PASSES)); do \
		build/bench/bin/pytest -q tests/benchmarks $(TIMES) --benchmark-json=build/bench/pass-$$pass.json || exit; \
	done
	cd tests && ../build/bench/bin/python -m benchmarks.report ../build/bench/pass-*.json

# The site, into build/docs.
docs: $(VENV)/with-docs ## build the site, into build/docs
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --fresh-env docs build/docs

lint: $(VENV)/with-lint ## check formats, lints and types
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
	$(BIN)/mypy --strict --platform win32 doubles_ffi
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows \
		.github/workflows/*.yml examples/minimal/.github/workflows/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/zizmor --offline --no-progress --quiet .github examples/minimal/.github

# All that it needs is fetched once into ~/.cache, 5 GB.
windows: ## test the package for Windows under Wine (Debian, as root; TESTS='tests/test_cli.py -k pipe')
	.ci/windows $(TESTS)

# With private items, so that each link in a comment is followed.
rustdoc: ## build the crate's documentation; each warning is an error
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --quiet --locked --no-deps \
		--document-private-items --manifest-path rustlib/Cargo.toml

# Writes docs/reliability.md. ROWS are names of modules in tests/trust, all if there are none; MINUTES are for
# all of them together, and without it each takes as long as its goal does.
trust: $(VENV)/with-trust ## test the promises, into docs/reliability.md (29 hours, or MINUTES=10 ROWS=fork)
	cd tests && ../$(BIN)/python -m trust $(if $(MINUTES),--minutes $(MINUTES)) $(ROWS)

# What can be tried in five minutes. None of it depends on how fast or how busy the machine is.
trust-briefly: ## test the promises for five minutes
	$(MAKE) trust MINUTES=2 ROWS="fork files interrupts resources huge soak hostile"
	$(MAKE) trust MINUTES=3 ROWS="model_checking sanitizers fuzzing"

# Each fault of tests/trust/plants.py, or of PLANTS, is found by its row.
trust-self-test: $(VENV)/with-trust ## check that these tests find planted faults
	cd tests && ../$(BIN)/python -m trust.self_test $(PLANTS)

# The package as its users install it: an editable one takes longer to start.
build/bench/ready: $(SOURCES) $(shell find doubles_ffi -name '*.py')
	$(PYTHON) -m venv build/bench
	build/bench/bin/python -m pip --quiet --disable-pip-version-check install '.[bench]'
	touch $@

# Renew rustlib/include/doubles.h from rustlib/src/ffi.rs.
header: ## renew the C header after a change of an export
	DOUBLES_RENEW_HEADER=1 cargo test --quiet --locked --manifest-path rustlib/Cargo.toml --test header

# Renew docs/doubles.1 from the command's parser.
man: $(VENV)/with-test ## renew the manual page after a change of the command line
	DOUBLES_RENEW_MAN=1 $(BIN)/pytest -q tests/test_manual.py

# Renew what wheels say of the crates that are linked into the library, after any change of Cargo.lock.
# The SBOM would name this machine's folders.
notices: build/cargo/ready ## renew the SBOM and the licences after a change of Cargo.lock
	cd rustlib && PATH="$(CURDIR)/build/cargo/bin:$$PATH" && \
	cargo bundle-licenses --prefer MIT --format yaml --output LICENSES-THIRD-PARTY.yml && \
	SOURCE_DATE_EPOCH=315532800 cargo cyclonedx --quiet --format json --spec-version 1.5 --target all \
		--no-build-deps --override-filename doubles.cdx && \
	perl -pi -e 's,path\+file:[^"]*#(?=doubles@),,; s,\?download_url=file://\.,,' doubles.cdx.json

build/cargo/ready:
	cargo install --quiet --root build/cargo cargo-bundle-licenses@5.0.0 cargo-cyclonedx@0.5.9
	touch $@

# A wheel for each Python at hand and for the stable ABI, checked, tested and laid into dist. For Linux.
wheels: $(VENV)/with-wheels ## make and test a wheel for each Python at hand (or TAGS='cp313 abi3')
	$(BIN)/python tests/wheels.py $(TAGS)

# For C: the header, the library, shared and static, doubles.pc and the manual page. Packagers set DESTDIR,
# PREFIX, LIBDIR, INCLUDEDIR and MANDIR, or the lower-case names of GNU's makefiles.
# cargo-c would do the same, but compiles the whole of cargo first.
PREFIX ?= $(or $(prefix),/usr/local)
LIBDIR ?= $(or $(libdir),$(PREFIX)/lib)
INCLUDEDIR ?= $(or $(includedir),$(PREFIX)/include)
MANDIR ?= $(or $(mandir),$(PREFIX)/share/man)
ABI := $(shell sed -n 's/^.define DOUBLES_ABI_VERSION //p' rustlib/include/doubles.h)
VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' doubles_ffi/__init__.py)
ifeq ($(shell uname),Darwin)
SHARED := libdoubles.$(ABI).dylib
PLAIN := libdoubles.dylib
LINK_NAME := -Wl,-install_name,$(LIBDIR)/$(SHARED)
PRIVATE := -lSystem -lc -lm
else
SHARED := libdoubles.so.$(ABI)
PLAIN := libdoubles.so
LINK_NAME := -Wl,-soname,$(SHARED)
# What rustc prints for --print native-static-libs, with the part of libgcc_s that `cc -static` can link.
PRIVATE := -lgcc_eh -lutil -lrt -lpthread -lm -ldl -lc
endif
INSTALLED = $(INCLUDEDIR)/doubles.h $(addprefix $(LIBDIR)/,$(SHARED) $(PLAIN) libdoubles.a pkgconfig/doubles.pc) \
	$(MANDIR)/man1/doubles.1
# RUSTFLAGS would replace the flags of .cargo/config.toml and those below, so it is added to them.
FLAGS = $(RUSTFLAGS) --remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)=/cargo --remap-path-prefix=$(CURDIR)=/doubles
BUILT = build/c/$(CARGO_BUILD_TARGET)/release
RELATIVE = $(patsubst $(PREFIX)/%,$${prefix}/%,$(1))

install: ## install the library for C (PREFIX, LIBDIR, DESTDIR)
	env -u RUSTFLAGS cargo rustc --locked --release --lib --crate-type cdylib,staticlib --target-dir build/c \
		--config "target.'cfg(all())'.rustflags=[$(foreach flag,$(FLAGS),'$(flag)',)]" \
		--manifest-path rustlib/Cargo.toml -- -C link-arg=$(LINK_NAME) -C strip=symbols
	install -d $(foreach file,$(INSTALLED),"$(DESTDIR)$(dir $(file))")
	install -m 644 rustlib/include/doubles.h "$(DESTDIR)$(INCLUDEDIR)"
	install -m 755 $(BUILT)/$(PLAIN) "$(DESTDIR)$(LIBDIR)/$(SHARED)"
	ln -sf $(SHARED) "$(DESTDIR)$(LIBDIR)/$(PLAIN)"
	install -m 644 $(BUILT)/libdoubles.a "$(DESTDIR)$(LIBDIR)"
	strip -S "$(DESTDIR)$(LIBDIR)/libdoubles.a"
	sed -e 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|; s|@PRIVATE@|$(PRIVATE)|' \
		-e 's|@LIBDIR@|$(call RELATIVE,$(LIBDIR))|; s|@INCLUDEDIR@|$(call RELATIVE,$(INCLUDEDIR))|' \
		rustlib/doubles.pc.in >"$(DESTDIR)$(LIBDIR)/pkgconfig/doubles.pc"
	install -m 644 docs/doubles.1 "$(DESTDIR)$(MANDIR)/man1"

uninstall: ## remove what make install has installed with the same variables
	rm -f $(foreach file,$(INSTALLED),"$(DESTDIR)$(file)")

clean: ## remove everything that was built
	rm -rf $(VENV) build dist *.egg-info rustlib/target rustlib/fuzz/target tests/benchmarks/peers/target doubles_ffi/*.so doubles_ffi/*.dylib doubles_ffi/*.dll doubles_ffi/*.pyd

# The package, editable. Its extras are then added without building it again.
$(VENV)/with-%: $(VENV)/built
	$(PIP) install 'doubles_ffi[$*]'
	touch $@

$(VENV)/built: $(SOURCES) | $(BIN)/python
	$(PIP) install --editable .
	touch $@

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
