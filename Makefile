# Everything from a fresh clone, with Node 20 or newer, npm and make.

SOURCES := $(shell find shared enclave parent-proxy simulator cli -name '*.ts' 2>/dev/null)
INSTALLED := node_modules/.installed
BUILT := dist/.built

.DEFAULT_GOAL := help
.PHONY: help build simulate test bench clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

simulate: $(BUILT) ## Install, build, and run one attested GenerateRandom on this machine (ARGS="--json" for its flags)
	@bin/nitro-enclave simulate $(ARGS)

build: $(BUILT) ## Install and build, nothing else

test: $(BUILT) ## Install, build, lint, check types, run the unit and end-to-end tests
	@echo '== lint and boundaries'
	@npm run --silent lint
	@npx publint --strict
	@echo '== types, tests included'
	@npm run --silent check
	@echo '== tests'
	@npm run --silent test

bench: $(BUILT) ## Measure the rate and the CPU of attested calls; writes build/bench.json
	@node --import tsx test/bench/main.ts

clean: ## Remove what was built and installed
	rm -rf dist build node_modules

$(INSTALLED): package.json package-lock.json .npmrc
	@echo '== installing the packages of package-lock.json'
	@npm ci --no-audit --no-fund
	@touch $@

$(BUILT): $(INSTALLED) tsconfig.json tsconfig.build.json $(SOURCES)
	@echo '== building'
	@rm -rf dist
	@npm run --silent build
	@touch $@
