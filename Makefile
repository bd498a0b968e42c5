# Gumshoe: `make help` lists the targets.
CARGO ?= cargo
export RUSTDOCFLAGS := -D warnings

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build the agent and the modules, optimised
	$(CARGO) build --release --locked --workspace

.PHONY: test
test: ## run all tests
	$(CARGO) test --workspace --all-features --locked

.PHONY: lint
lint: ## formatting, clippy, documentation: all warnings are errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --all-features --locked -- -D warnings
	$(CARGO) doc --workspace --no-deps --locked
