# `make demo` runs an example on real data, `make test` runs all tests. Requirements that a fresh Debian 12 machine with
# Rust, Python and git lacks are installed automatically.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/longshore
export CARGO_TARGET_DIR ?= $(CACHE)/target
PYTHON ?= python3
PREFIX ?= /usr/local
TOOLS := $(CACHE)/build-tools
VENV := $(CACHE)/venv
TRIPLE := $(shell uname -m)-unknown-linux-gnu
AGENT := $(CARGO_TARGET_DIR)/$(TRIPLE)/agent/longshore-agent
LONGSHORE := $(CARGO_TARGET_DIR)/release/longshore
WHEELS := $(CARGO_TARGET_DIR)/wheels
R_LIBRARY := $(CACHE)/r-library
R_PACKAGES := $(CARGO_TARGET_DIR)/r
export LONGSHORE_PYTHON := $(VENV)/bin/python3
export LONGSHORE_R_LIBRARY := $(R_LIBRARY)

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

tools: ## Install what building needs
	@images/packages $(or $(PACKAGES),build)

engine: tools ## Start the container engine, create the Debian image
	@images/engine
	@images/bootstrap

setup: engine ## Install everything that tests need too
	@images/packages

agent: | tools ## Build the static agent
	@RUSTFLAGS="-C target-feature=+crt-static" cargo build --locked --profile agent -p longshore-agent --target $(TRIPLE)

# What builds the Python SDK, and nothing else: the demo needs no more.
$(TOOLS)/installed: sdk-python/build-requirements.txt | tools
	@$(PYTHON) -m venv $(TOOLS)
	@$(TOOLS)/bin/pip install -q --disable-pip-version-check -r $<
	@touch $@

wheel: $(TOOLS)/installed ## Build the Python SDK
	@rm -rf $(WHEELS)
	@$(TOOLS)/bin/maturin build -q --locked --release -m sdk-python/Cargo.toml --compatibility linux -o $(WHEELS)
	@$(TOOLS)/bin/pip wheel -q --disable-pip-version-check --no-index --no-deps --no-build-isolation -w $(WHEELS) ./sdk-python/compat

$(VENV)/installed: images/python-requirements.txt tests/python-requirements.txt | tools
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip install -q --disable-pip-version-check -r images/python-requirements.txt -r tests/python-requirements.txt
	@touch $@

venv: $(VENV)/installed wheel ## Create the Python environment of the tests
	@$(VENV)/bin/pip install -q --disable-pip-version-check --no-index --no-deps --force-reinstall $(WHEELS)/*.whl

r-library: tools ## Build the R SDK into the R library of the process engine
	@mkdir -p $(R_LIBRARY) $(R_PACKAGES)
	@cd $(R_PACKAGES) && export R_LIBS=$(R_LIBRARY) && for package in sdk-r sdk-r/compat; do \
		R CMD INSTALL --library=$(R_LIBRARY) $(CURDIR)/$$package >log 2>&1 || { cat log; exit 1; }; done
	@sdk-r/compiled $(R_LIBRARY) $(R_PACKAGES)

r-package: tools ## Build the source packages of the R SDK
	@sdk-r/package $(R_PACKAGES)/source

images: engine agent wheel r-library ## Build the images
	@images/build --agent $(AGENT) --wheels $(WHEELS) --r-packages $(R_PACKAGES)

images-13: engine agent wheel r-library ## Build the images on Debian 13: Python 3.13, R 4.5
	@images/build --agent $(AGENT) --wheels $(WHEELS) --r-packages $(R_PACKAGES) python-3.13 r-4.5

program: agent
	@cargo build --locked --release -p longshore-cli
	@install -m 0755 $(AGENT) $(CARGO_TARGET_DIR)/release/longshore-agent

sdk: wheel r-library
	@rm -rf $(CARGO_TARGET_DIR)/release/sdk
	@install -D -m 0644 -t $(CARGO_TARGET_DIR)/release/sdk $(WHEELS)/*.whl $(R_PACKAGES)/*.tar.gz

build: program sdk ## Build the command line, the agent and the SDK packages
	@packaging/copy-images $(CARGO_TARGET_DIR)/release/images

install: build ## Install the command line below PREFIX
	@packaging/install $(LONGSHORE) $(AGENT) $(CARGO_TARGET_DIR)/release/sdk $(DESTDIR)$(PREFIX)

# The program is static, so that it runs on machines with an older libc.
dist: agent sdk $(if $(IMAGES),dist-images) ## Make an archive and a Debian package for other machines; IMAGES="python r": with images
	@RUSTFLAGS="-C target-feature=+crt-static" cargo build --locked --release -p longshore-cli --target $(TRIPLE)
	@packaging/dist $(CARGO_TARGET_DIR)/$(TRIPLE)/release/longshore $(AGENT) $(CARGO_TARGET_DIR)/release/sdk $(CARGO_TARGET_DIR)/dist $(IMAGES)

dist-images: engine agent wheel r-library
	@images/build --agent $(AGENT) --wheels $(WHEELS) --r-packages $(R_PACKAGES) $(IMAGES)

python-image: engine agent wheel
	@images/build --agent $(AGENT) --wheels $(WHEELS) python

# It builds what it shows: one image, one SDK and the program.
demo: ## Cluster penguins in a fresh container
	@$(MAKE) --no-print-directory -j2 PACKAGES=demo program python-image
	@examples/penguins/demo $(LONGSHORE)

lint: setup venv r-library ## Check format, lints, types and documentation
	@cargo fmt --all --check
	@cargo clippy -q --locked --workspace --all-targets -- -D warnings
	@RUSTDOCFLAGS="-D warnings" cargo doc -q --locked --workspace --no-deps
	@cargo rustdoc -q --locked -p longshore-cli --bin longshore -- -D warnings
	@if command -v cargo-deny >/dev/null; then cargo deny --log-level error check; fi
	@$(VENV)/bin/ruff format -q --check sdk-python tests examples host/block/templates
	@$(VENV)/bin/ruff check -q sdk-python tests examples host/block/templates
	@$(VENV)/bin/ruff format -q --check --config tests/ruff.toml host/images/src
	@$(VENV)/bin/ruff check -q --config tests/ruff.toml host/images/src
	@cd sdk-python && $(VENV)/bin/mypy --strict --no-error-summary python
	@cd sdk-python/compat && $(VENV)/bin/mypy --strict --no-error-summary -p omniscope.api
	@sdk-r/lint

# Where one of the preparations waits for a download, or for the engine, another works.
test: setup ## Run all tests
	@$(MAKE) --no-print-directory -j2 images build venv lint
	@tests/needs
	@tests/all rust python tables hostile fresh browser

test-fresh: setup images build venv ## Test on a fresh engine and as an ordinary user
	@tests/needs
	@tests/all fresh

test-hostile: setup images build venv ## Test each protection with hostile scripts, and that it is needed
	@tests/needs
	@tests/all hostile

test-browser: setup images build venv ## Test the pages in a browser, keep pictures of them
	@tests/needs
	@tests/all browser

test-tables: setup images build venv ## Run the larger tests of tables, including Spark
	@images/packages tables
	@$(VENV)/bin/pip install -q --disable-pip-version-check -r tests/python-larger-requirements.txt
	@tests/needs
	@$(VENV)/bin/python3 -m pytest -q tests/tables --larger

test-server: setup images build venv ## Run the conformance suite through a resident host
	@tests/needs
	@LONGSHORE_TEST_SERVER=1 cargo test --locked -p longshore-tests --test conformance

test-pooled: setup images build venv ## Run conformance and hostile scripts in interpreters that wait for their runs
	@tests/needs
	@LONGSHORE_TEST_SERVER=1 LONGSHORE_POOL_WAIT=true cargo test --locked -p longshore-tests --test conformance
	@LONGSHORE_TEST_SERVER=1 $(VENV)/bin/python3 -m pytest -q tests/hostile

test-dist: dist engine venv ## Install the Debian package in a clean container, run there without an engine
	@$(VENV)/bin/python3 -m pytest -q tests/dist

test-13: setup images images-13 build venv ## Test blocks in the images on Debian 13
	@$(VENV)/bin/python3 -m pytest -q tests/debian13

docs: setup r-library ## Write the generated documents
	@LONGSHORE_WRITE_DOCS=1 cargo test -q --locked -p longshore-tests --test conformance -- docs_are
	@LONGSHORE_WRITE_DOCS=1 cargo test -q --locked -p longshore-config --lib -- docs_are
	@sdk-r/document
	@sdk-r/document sdk-r/compat

modules: venv ## Read the modules of Python packages from the package index (PACKAGES="a b"; all that are by hand)
	@$(VENV)/bin/python host/block/tables/make_tables.py index $(PACKAGES)

bench: images build venv ## Run the benchmarks, write target/bench/report.md
	@cargo build --release --quiet -p longshore -p longshore-caller -p longshore-store --example first_line --example read --example record
	@$(VENV)/bin/python3 tests/bench/bench.py $(LONGSHORE)

clean: ## Remove build results
	@cargo clean
	@rm -rf $(VENV) $(TOOLS)

.PHONY: help tools engine setup agent wheel venv program python-image r-library r-package images images-13 sdk build install dist dist-images demo lint test test-fresh test-hostile test-browser test-tables test-server test-pooled test-dist test-13 docs modules bench clean
