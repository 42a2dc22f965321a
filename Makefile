# The front door. `make help` lists what there is. Each target first sets up what it needs, in
# virtual environments inside this tree, and is quick the second time.
#
# Development, tests and wheels share one cargo profile (release) and one target folder, so that
# OpenSSL is compiled once. Only the build against the system's OpenSSL has a folder of its own.

PYTHON ?= python3
CARGO ?= cargo
ARGS ?=
SECONDS ?= 60

VENV := .venv
VENV_SYSTEM := .venv-system
VENV_REFERENCE := .venv-reference
VENV_DOWNSTREAM := .venv-downstream
VENV_DOWNSTREAM_REFERENCE := .venv-downstream-reference
VENV_CONVERSATIONS := .venv-conversations

PY := $(VENV)/bin/python
PY_SYSTEM := $(VENV_SYSTEM)/bin/python
PY_REFERENCE := $(VENV_REFERENCE)/bin/python
PY_DOWNSTREAM := $(VENV_DOWNSTREAM)/bin/python
PY_DOWNSTREAM_REFERENCE := $(VENV_DOWNSTREAM_REFERENCE)/bin/python

FLAGS := --release --locked
SYSTEM := OPENSSL_NO_VENDOR=1 CARGO_TARGET_DIR=target/system
HAS_SYSTEM_OPENSSL := $(shell pkg-config --atleast-version=3.0 openssl 2>/dev/null && echo yes)

# cargo-deny takes four minutes of processor time to compile: `make lint` uses it where it is.
TOOLS := .cache/cargo
DENY := $(firstword $(wildcard $(TOOLS)/bin/cargo-deny) $(shell command -v cargo-deny))

RUST := $(shell find Cargo.toml Cargo.lock $(wildcard build.rs) src vendor -type f)

export PYO3_PYTHON := $(CURDIR)/$(PY)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: FORCE bench bench-core bench-scale bench-server build clean compatibility conversations \
	demo deny docs downstream fuzz help lint reference sanitize sanitize-address sanitize-memory \
	sanitize-thread shim stress \
	test test-core test-python test-sdist test-shim test-system test-system-core test-wheel upstream wheel

## Start here

demo: build ## Watch a server and a client talk, with each other, openssl s_client and curl
	@$(PY) examples/demo.py

test: lint docs test-core test-system build upstream ## Everything: lint, pages, core and Python tests, on both OpenSSLs
	$(PY) -m pytest $(ARGS)

## While working on it

build: $(VENV)/.built ## Compile the extension module into python/OpenSSL
lint: build ## rustfmt, clippy, ruff, mypy, stubtest, cargo deny: no warning is let through
	$(CARGO) fmt --check
	$(CARGO) clippy $(FLAGS) --all-targets --features testing -- -D warnings
	$(CARGO) clippy $(FLAGS) --all-targets --features python,testing,mimalloc -- -D warnings
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy
	$(PY) -m mypy.stubtest OpenSSL._rust --allowlist .stubtest-allowlist
ifneq ($(DENY),)
	$(DENY) --locked check --deny warnings bans licenses sources
else
	@echo '*** SKIPPED: no check of the crates. cargo-deny is not here; `make deny` installs it.'
endif

deny: $(or $(DENY),$(TOOLS)/bin/cargo-deny) ## cargo deny, advisories and all; compiles it if it is not here
	$< --locked check --deny warnings $(ARGS)

test-core: ## The core's own tests, with no Python in the dependency graph
	@if $(CARGO) tree --locked --edges all | grep -w pyo3; then echo 'Python reached the core'; exit 1; fi
	$(CARGO) test $(FLAGS) --features testing,mimalloc

test-python: build reference ## The Python tests alone; ARGS="-k alpn" goes to pytest
	$(PY) -m pytest $(ARGS)

upstream: build reference ## Run pyOpenSSL's own tests with this package, and with pyOpenSSL
	$(PY) tests/compat/suite.py pyopenssl --reference $(PY_REFERENCE)

downstream: $(VENV_DOWNSTREAM)/.built $(VENV_DOWNSTREAM_REFERENCE)/.ready ## The same with urllib3's tests
	$(PY) tests/compat/suite.py urllib3 urllib3-injected \
		--ours $(PY_DOWNSTREAM) --reference $(PY_DOWNSTREAM_REFERENCE)

docs: build $(VENV)/.docs ## Build the documentation into docs/_build/html
	$(PY) -m sphinx -W --keep-going --quiet -b html -d docs/_build/doctrees docs docs/_build/html
	@echo 'docs/_build/html/index.html'

compatibility: build ## Write docs/compatibility.md anew, from what was built
	$(PY) tests/spec/compatibility.py

## How fast it is: each writes numbers, tables and pictures into docs, and README.md

bench: build reference $(VENV)/.bench ## Compare with pyOpenSSL and with ssl; ARGS="--only message"
	$(PY) benches/compare.py --reference $(PY_REFERENCE) --write $(ARGS)

bench-core: ## Compare the core with libssl called straight: which share of the time is ours
	$(PYTHON) benches/core.py --write $(ARGS)

bench-server: build reference $(VENV)/.bench-server $(VENV_REFERENCE)/.bench-server ## Twisted over HTTPS, with wrk at the other end
	$(PY) benches/server.py --reference $(PY_REFERENCE) --write $(ARGS)

bench-scale: build reference $(VENV)/.bench ## From 1 to 10 000 connections in one process
	$(PY) benches/scale.py --reference $(PY_REFERENCE) --write $(ARGS)

## In search of what nobody has thought of

stress: build ## Load, faults and bad input, for half an hour; ARGS="relay --short", SECONDS=10
	PYTHONPATH=tests $(PY) -m stress --seconds $(SECONDS) --write $(ARGS)

fuzz: ## Fuzz the core, each target for SECONDS=60; ARGS="schedule answers" for some
	fuzz/run.sh $(SECONDS) $(ARGS)

conversations: build reference $(VENV_CONVERSATIONS)/.ready ## Talk to a peer that breaks the rules, beside pyOpenSSL; ARGS="--only alert"
	PYTHONPATH=python:tests $(VENV_CONVERSATIONS)/bin/python -m conversations \
		--ours $(CURDIR)/$(PY) --reference $(CURDIR)/$(PY_REFERENCE) --write $(ARGS)

sanitize: sanitize-thread sanitize-address sanitize-memory ## The next three; a stress of SECONDS=60

sanitize-thread: ## The core's tests and stress under ThreadSanitizer (nightly Rust, rust-src)
	tests/sanitize/run.sh thread $(SECONDS)

sanitize-address: build reference ## The Python tests under AddressSanitizer; ARGS goes to pytest
	tests/sanitize/run.sh address $(CURDIR)/$(PY) $(ARGS)

sanitize-memory: ## Every kind of connection under valgrind: errors, leaks, a balance of blocks
	tests/sanitize/run.sh memory

## Against other builds

# Not compared with pyOpenSSL, whose OpenSSL is another: texts and lists of ciphers differ with it.
ifeq ($(HAS_SYSTEM_OPENSSL),yes)
test-system: test-system-core $(VENV_SYSTEM)/.built reference ## Core and Python tests on the system's OpenSSL
	$(PY_SYSTEM) -m pytest --ignore tests/compat $(ARGS)

test-system-core:
	$(SYSTEM) $(CARGO) test $(FLAGS) --features testing
else
test-system test-system-core:
	@echo '*** SKIPPED: no tests on the system OpenSSL. They need pkg-config and the headers of'
	@echo '*** OpenSSL 3.0 or newer (Debian: apt-get install pkg-config libssl-dev).'
endif

test-wheel: $(VENV)/.ready ## From sdist to wheel to fast tests on each CPython; ARGS="3.9 3.13" chooses
	tests/wheel/check.sh $(PY) $(ARGS)

test-sdist: $(VENV)/.ready ## Build the source distribution, and a wheel from that alone, without network
	tests/wheel/sdist.sh $(PY)

test-shim: $(VENV)/.uv wheel shim ## Install both wheels as people do, with pip and uv, from PyPI
	$(PY) -m pytest tests/wheel/environments.py $(ARGS)

wheel: $(VENV)/.ready ## Build the wheel for this Python into dist
	release/wheels.sh $(PY) dist $(PY)

shim: $(VENV)/.ready ## Build the distribution named pyOpenSSL, which only requires ours, into dist
	$(PY) -m pip wheel --quiet --no-deps --wheel-dir dist ./shim
	@ls dist/pyopenssl-*.whl

reference: $(VENV_REFERENCE)/.ready ## Install pyOpenSSL itself, to compare with

clean: ## Remove all that was built and installed here
	rm -rf target dist docs/_build .cache $(VENV) $(VENV_SYSTEM) $(VENV_REFERENCE) $(VENV_DOWNSTREAM) \
		$(VENV_DOWNSTREAM_REFERENCE) $(VENV_CONVERSATIONS) python/OpenSSL/_rust.*.so

help: ## This list
	@awk -F ':.*## ' '/^## / { print "\n" substr($$0, 4) } \
		/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Set-up. A stamp file stands for what was done and is newer than what it was done from.

# $(call install,directory,group): a virtual environment with a dependency group of pyproject.toml.
define install
@test -x $1/bin/python || { echo 'Creating $1'; $(PYTHON) -m venv $1; }
@$1/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
$1/bin/python -m pip install --quiet --group $2
@touch $@
endef

$(VENV)/.ready: pyproject.toml
	$(call install,$(VENV),dev)

$(VENV)/.docs: pyproject.toml $(VENV)/.ready
	$(call install,$(VENV),docs)

$(VENV)/.bench: pyproject.toml $(VENV)/.ready
	$(call install,$(VENV),bench)

$(VENV)/.bench-server: pyproject.toml $(VENV)/.ready
	$(call install,$(VENV),bench-server)

$(VENV_REFERENCE)/.bench-server: pyproject.toml $(VENV_REFERENCE)/.ready
	$(call install,$(VENV_REFERENCE),bench-server)

$(VENV)/.uv: pyproject.toml $(VENV)/.ready
	$(call install,$(VENV),uv)

$(VENV_SYSTEM)/.ready: pyproject.toml
	$(call install,$(VENV_SYSTEM),test)

$(VENV_REFERENCE)/.ready: pyproject.toml
	$(call install,$(VENV_REFERENCE),reference)

$(VENV_CONVERSATIONS)/.ready: pyproject.toml
	$(call install,$(VENV_CONVERSATIONS),conversations)

$(TOOLS)/bin/cargo-deny:
	$(CARGO) install --quiet --locked --version '~0.20.2' --root $(TOOLS) cargo-deny

$(VENV_DOWNSTREAM)/.ready: pyproject.toml
	$(call install,$(VENV_DOWNSTREAM),downstream)

$(VENV_DOWNSTREAM_REFERENCE)/.ready: pyproject.toml
	$(call install,$(VENV_DOWNSTREAM_REFERENCE),downstream-reference)

# FORCE: the module may be gone although the stamp is there.
$(VENV)/.built: $(RUST) $(VENV)/.ready $(if $(wildcard python/OpenSSL/_rust.*.so),,FORCE)
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(PY) -m maturin develop $(FLAGS) -- -C strip=none
	@touch $@

# A wheel and not `develop`, which would overwrite the module in python/OpenSSL.
$(VENV_SYSTEM)/.built: $(RUST) $(wildcard python/OpenSSL/*) $(VENV)/.ready $(VENV_SYSTEM)/.ready
	rm -rf target/system/wheels
	$(SYSTEM) $(PY) -m maturin build $(FLAGS) --auditwheel skip \
		--interpreter $(PY_SYSTEM) --out target/system/wheels
	$(PY_SYSTEM) -m pip install --quiet --no-deps --force-reinstall target/system/wheels/*.whl
	@touch $@

$(VENV_DOWNSTREAM)/.built: $(RUST) $(wildcard python/OpenSSL/*) $(VENV)/.ready $(VENV_DOWNSTREAM)/.ready
	rm -rf target/downstream
	$(PY) -m maturin build $(FLAGS) --auditwheel skip --interpreter $(PY) --out target/downstream
	$(PY_DOWNSTREAM) -m pip install --quiet --no-deps --force-reinstall target/downstream/*.whl
	@touch $@
