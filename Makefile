# Gumshoe: `make help` lists the targets.
CARGO ?= cargo
FUZZ_SECONDS ?= 20
TOOLS := $(or $(CARGO_TARGET_DIR),target)/tools
DENY := $(TOOLS)/bin/cargo-deny
FUZZ := $(TOOLS)/bin/cargo-fuzz
export RUSTDOCFLAGS := -D warnings

# Tests mount file systems, give files away and make namespaces: where make is not root, they run under sudo.
ifneq ($(shell id -u),0)
HOST := $(shell rustc -vV | sed -n 's/^host: //p' | tr a-z- A-Z_)
AS_ROOT := CARGO_TARGET_$(HOST)_RUNNER='sudo --preserve-env=PATH,HOME,CARGO_HOME,RUSTUP_HOME,CARGO_TARGET_DIR,GUMSHOE_BUILT,GUMSHOE_SOAK'
endif

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## build everything and run an investigation: relay, server, three agents, all modules
	@tests/install-tools demo
	@tests/demo

.PHONY: demo-local
demo-local: ## build the agent and watch it find things on this machine, without relay or server
	@tests/install-tools demo
	@tests/demo-local

.PHONY: build
build: ## build agent, modules, server and client, optimised
	@tests/install-tools build
	$(CARGO) build --release --locked --workspace --exclude gumshoe-tests --exclude gumshoe-test-services --exclude gumshoe-module-misbehave

.PHONY: install
install: build ## install agent, modules, man pages and completions below DESTDIR (default: this machine)
	packaging/install

.PHONY: test
test: ## run all tests
	@tests/install-tools test
	$(CARGO) build --workspace --all-features --lib --bins --tests --locked
	GUMSHOE_BUILT=1 $(AS_ROOT) $(CARGO) test --workspace --all-features --locked

.PHONY: soak
soak: ## run the fault tests of daemon and apply in their long forms: more actions, more kills, longer cuts
	@tests/install-tools test
	GUMSHOE_SOAK=1 $(AS_ROOT) $(CARGO) test -p gumshoe-tests --test system --locked -- daemon:: apply::

.PHONY: lint
lint: ## formatting, clippy, documentation, fuzz targets: all warnings are errors
	@tests/install-tools fuzz
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --all-features --locked -- -D warnings
	$(CARGO) doc --workspace --all-features --no-deps --locked
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check
	$(CARGO) check --manifest-path fuzz/Cargo.toml --locked
	$(CARGO) fmt --manifest-path plugin-api/template/Cargo.toml --check

.PHONY: deny
deny: $(DENY) ## licences, sources and duplicates of all dependencies
	$(DENY) check licenses bans sources

.PHONY: advisories
advisories: $(DENY) ## known vulnerabilities of dependencies; needs github.com
	$(DENY) check advisories

.PHONY: bench
bench: ## compare with other tools in the same run; writes docs/benchmarks.md
	@tests/install-tools bench
	$(CARGO) build --release --locked --workspace --exclude gumshoe-tests --exclude gumshoe-test-services --exclude gumshoe-module-misbehave
	tests/bench/run

.PHONY: fuzz
fuzz: $(FUZZ) ## run every fuzz target for FUZZ_SECONDS (20) seconds
	@tests/install-tools fuzz
	@set -e; for target in $$($(FUZZ) list); do \
		echo "fuzz: $$target"; \
		PATH="$(abspath $(TOOLS))/bin:$$PATH" cargo fuzz run --sanitizer none $$target -- \
			-max_total_time=$(FUZZ_SECONDS) -print_final_stats=0 -verbosity=0; \
	done

.PHONY: check-macos
check-macos: ## type-check the workspace for macOS
	tests/check-macos

$(DENY):
	$(CARGO) install --quiet --locked --version 0.20.2 --root $(TOOLS) cargo-deny

$(FUZZ):
	$(CARGO) install --quiet --locked --version 0.13.2 --root $(TOOLS) cargo-fuzz
