# Everything from a fresh clone, with Node 20 or newer, npm and make.

SOURCES := $(shell find native shared enclave parent-proxy simulator cli -name '*.ts' 2>/dev/null)
NATIVE := $(wildcard native/*.c native/*.h native/binding.gyp native/install.mjs)
INSTALLED := node_modules/.installed
ADDON := native/build/.built
BUILT := dist/.built

.DEFAULT_GOAL := help
.PHONY: help build simulate test test-nodes test-vm prebuilds bench clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

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

test-nodes: $(BUILT) ## The tests on Node 24 and 26, from the npm package that carries their binaries
	@test/on-node.sh 24
	@test/on-node.sh 26

test-vm: $(BUILT) ## Test on real kernels: boots guests with AF_VSOCK and /dev/nsm (x86-64 Debian, as root)
	@node --import tsx test/vm/main.ts $(ARGS)

prebuilds: $(INSTALLED) ## The addon's binaries for the published package, x64 and arm64 (gcc-aarch64-linux-gnu)
	@npm run --silent prebuild-addon

clean: ## Remove what was built and installed
	rm -rf dist build native/build native/prebuilds node_modules

$(INSTALLED): package.json package-lock.json .npmrc
	@echo '== installing the packages of package-lock.json'
	@npm ci --no-audit --no-fund
	@mkdir -p $(dir $(ADDON))
	@touch $@ $(ADDON)

# Without a compiler it says so, and all but AF_VSOCK and /dev/nsm works.
$(ADDON): $(NATIVE) | $(INSTALLED)
	@echo '== building the addon'
	@npm run --silent native
	@mkdir -p $(dir $@)
	@touch $@

$(BUILT): $(INSTALLED) $(ADDON) tsconfig.json tsconfig.build.json $(SOURCES)
	@echo '== building'
	@rm -rf dist
	@npm run --silent build
	@touch $@
