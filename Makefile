# Every target is a script or one command; `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help run cluster cluster-kill cluster-start build client test test-upgrade bench fuzz sanitize soak chaos format check-format clean

SOURCES := Package.swift Sources Tests Fuzz/Package.swift Fuzz/Sources Examples

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Install what is missing, build, and serve on http://127.0.0.1:8000/ with everything open.
	@scripts/run

cluster: ## Three nodes as one server; ENGINE=nats (default), redis or topic.
	@ENGINE="$(or $(ENGINE),nats)" scripts/cluster

cluster-kill: ## Kill a node of that cluster: NODE=2.
	@scripts/cluster kill "$(or $(NODE),2)"

cluster-start: ## Bring it back: NODE=2.
	@scripts/cluster start "$(or $(NODE),2)"

build: ## Build the release server: .build/release/pharos.
	@bash -c 'source scripts/common.sh && build_configured release'

client: ## Make the browser client's files from Clients/js: bundles, types, their sizes and hashes.
	@scripts/build-client

test: ## Install what the tests need and run them all.
	@scripts/test

test-upgrade: ## Build the version before from git, and try its nodes beside those of this version.
	@scripts/test upgrade

bench: build ## Measure side by side with other servers; writes docs/benchmarks.md.
	@scripts/bench --write

fuzz: ## Run every fuzzer for a minute.
	@scripts/fuzz 60

sanitize: ## Run the core's tests under the thread and address sanitizers.
	@scripts/sanitize

soak: ## Two minutes of everything at once, then look for what was left behind.
	@scripts/soak

chaos: ## Kill the server a hundred times under load, the application fifty times, break clusters; no client may lose anything.
	@scripts/chaos --kills 100
	@scripts/chaos origin --kills 50
	@scripts/chaos cluster --minutes 60

format: ## Format the Swift sources.
	swift format --in-place --parallel --recursive $(SOURCES)

check-format: ## Fail if a source is not formatted, a comment breaks the rules, folders refer in circles, or a bundle is stale.
	swift format lint --strict --parallel --recursive $(SOURCES)
	scripts/check-comments
	scripts/check-folders
	scripts/build-client --check

clean: ## Remove everything that was built, not what was installed.
	rm -rf .build
