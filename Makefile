# Everything from a fresh clone, with Node 20 or newer, npm and make.

SOURCES := $(shell find native shared enclave parent-proxy image simulator cli -name '*.ts' 2>/dev/null)
NATIVE := $(wildcard native/*.c native/*.h native/binding.gyp native/install.mjs)
INSTALLED := node_modules/.installed
ADDON := native/build/.built
BUILT := dist/.built

# The enclave. Memory in MiB, at least four times the EIF; its CID; DEBUG=1 opens its console, and zeroes PCR0 to PCR2.
NAME ?= nitro-enclave-sdk
EIF ?= build/enclave.eif
MEMORY ?= 512
CPUS ?= 2
CID ?= 16
DEBUG ?=
# Dockerfile.enclave's own arguments: IMAGE_ARGS="REGION=eu-west-1 PROXY_PORT=8001"
IMAGE_ARGS ?=
# PEM files; with both the image is signed, and has a PCR8.
SIGNING_CERTIFICATE ?=
PRIVATE_KEY ?=

signing := $(if $(and $(SIGNING_CERTIFICATE),$(PRIVATE_KEY)),--signing-certificate $(SIGNING_CERTIFICATE) --private-key $(PRIVATE_KEY))
# What is missing, and what to do instead: $(call need,PROGRAM,WHERE IT IS,INSTEAD)
need = @command -v $(1) >/dev/null || { echo 'make $@: there is no $(1) here: $(2). $(3)' >&2; exit 1; }
need_nitro_cli = $(call need,nitro-cli,it comes with Nitro Enclaves on an EC2 instance (package aws-nitro-enclaves-cli),$(1))

.DEFAULT_GOAL := help
.PHONY: help build simulate test differential test-nodes test-vm soak fuzz fuzz-nightly mutation prebuilds bench clean
.PHONY: eif eif-local blobs describe pcrs run-enclave console terminate

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo '  Variables: NAME=$(NAME) EIF=$(EIF) MEMORY=$(MEMORY) CPUS=$(CPUS) CID=$(CID) DEBUG=$(DEBUG)'
	@echo '             IMAGE_ARGS="REGION=… PROXY_PORT=…" SIGNING_CERTIFICATE=PEM PRIVATE_KEY=PEM'

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

eif: ## The enclave image, by docker and nitro-cli: IMAGE_ARGS are Dockerfile.enclave's
	$(call need,docker,its engine builds Dockerfile.enclave,make eif-local does without)
	$(call need_nitro_cli,make eif-local does without)
	@mkdir -p "$$(dirname "$(EIF)")"
	docker build --file Dockerfile.enclave --tag $(NAME):latest $(IMAGE_ARGS:%=--build-arg %) .
	nitro-cli build-enclave --docker-uri $(NAME):latest --output-file "$(EIF)" $(signing)

eif-local: $(BUILT) ## The same by buildah and our own builder, as root on Debian; its registers, size and memory
	@node --import tsx reference-image/make-eif.ts --name $(NAME) --output "$(EIF)" $(IMAGE_ARGS:%=--arg %) $(signing) $(ARGS)

blobs: $(INSTALLED) ## Kernel, modules and init for `nitro-enclave eif build --blobs build/blobs`, without nitro-cli
	@node --import tsx reference-image/make-blobs.ts --output build/blobs

describe: $(BUILT) ## What the image EIF says of itself
	@bin/nitro-enclave eif describe "$(EIF)" $(ARGS)

pcrs: $(BUILT) ## The registers of the image EIF
	@bin/nitro-enclave eif pcrs "$(EIF)" $(ARGS)

run-enclave: ## Start the image EIF, on a Nitro instance
	$(call need_nitro_cli,make simulate and make test-vm run here)
	nitro-cli run-enclave --eif-path "$(EIF)" --memory $(MEMORY) --cpu-count $(CPUS) --enclave-cid $(CID) --enclave-name $(NAME) $(if $(DEBUG),--debug-mode)

console: ## The console of the enclave NAME, which runs with DEBUG=1
	$(call need_nitro_cli,make simulate and make test-vm run here)
	nitro-cli console --enclave-name $(NAME)

terminate: ## End the enclave NAME
	$(call need_nitro_cli,make simulate and make test-vm run here)
	nitro-cli terminate-enclave --enclave-name $(NAME)

bench: $(BUILT) ## Measure attested calls, AF_VSOCK, the proxy, verifiers beside others, envelopes (ARGS="verifier"); writes build/bench.json
	@node --import tsx test/bench/main.ts $(ARGS)

soak: $(BUILT) ## Random connections through one proxy for SECONDS=600 (20,000 of them): every byte accounted for, nothing left
	@SECONDS=$(or $(SECONDS),600) npx vitest run --config test/soak/vitest.config.ts

# Each says nothing when it is not given: SECONDS of the whole run, INPUTS of each target, TARGET=cbor,ber, SEED, CORPUS=dir.
fuzz = node --import tsx test/fuzz/main.ts --seconds '$(SECONDS)' --inputs '$(INPUTS)' --target '$(TARGET)' \
  --seed '$(SEED)' --corpus '$(CORPUS)' --replay '$(REPLAY)'

fuzz: $(INSTALLED) ## Hostile input for every parser, SECONDS=60 in all or INPUTS each (TARGET=cbor, SEED, REPLAY=file)
	@$(fuzz)

fuzz-nightly: INPUTS = 1000000
fuzz-nightly: $(INSTALLED) ## The same with 1,000,000 inputs each
	@$(fuzz)

mutation: $(INSTALLED) $(ADDON) ## Which small changes of the code no test notices (FILES="shared/cose.ts"): build/mutation/mutation.html
	@node --import tsx test/mutation/main.ts $(FILES)

differential: $(INSTALLED) ## Damaged documents, chains, envelopes beside OpenSSL and the Evervault packages: CASES=10 times those of make test
	@DIFFERENTIAL=$(or $(CASES),10) npx vitest run test/differential

test-nodes: $(BUILT) ## The tests on Node 24 and 26, from the npm package that carries their binaries
	@test/on-node.sh 24
	@test/on-node.sh 26

test-vm: $(BUILT) ## Test on real kernels: AF_VSOCK, /dev/nsm, the enclave image (x86-64 Debian, as root; ARGS="--tier 3")
	@node --import tsx test/vm/main.ts $(ARGS)

prebuilds: $(INSTALLED) ## The addon's binaries for the published package, x64 and arm64 (gcc-aarch64-linux-gnu)
	@npm run --silent prebuild-addon

clean: ## Remove what was built and installed
	rm -rf dist build native/build native/prebuilds node_modules

$(INSTALLED): package.json package-lock.json .npmrc
	@echo '== installing the packages of package-lock.json'
	@npm ci --no-audit --no-fund --ignore-scripts
	@touch $@

# Not by the package's own script, which keeps a binary that loads, whatever it was compiled from.
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
