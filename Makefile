# Everything goes through make. Each goal prepares what it needs; the second time that takes no time.
NODE = node_modules/node/bin/node

export DESTDIR ?=
export PREFIX = /usr/local
export SYSCONFDIR = /etc
# make test SUITES="unit golden" runs only these.
SUITES =
# make e2e CONTRACTS=stock runs only the scenarios of Ganeti's releases; grnet, those of GRNET's patches.
CONTRACTS =

.DEFAULT_GOAL = help
.NOTPARALLEL:
.PHONY: help setup demo test lab e2e check bench build coverage install uninstall clean packages tools

help: ## say what the goals are
	@sed -n 's/^\([a-z0-9]*\):.*## /  make \1	/p' $(MAKEFILE_LIST) | expand -t 18

setup: ## install what developing needs: Debian packages, npm packages, the project's own Node
	@bin/setup run test check bench e2e

demo: tools build ## wire a VM in network namespaces and show every step with ip and nft
	@$(NODE) test/demo/demo.ts

test: tools build ## run all suites; SUITES="unit golden" runs only these
	@$(NODE) test/support/suites.ts $(SUITES)

lab: build ## run test/lab under a kernel with bonds, VLANs, VRFs, OVS; SUITES=netns runs that there
	@bin/setup run test lab
	@$(NODE) test/lab/run.ts $(SUITES)

e2e: build ## vmnet under a real Ganeti: two nodes, guests, live migration; needs root and apt-get
	@bin/setup run e2e
	@VMNET_E2E_CONTRACTS="$(CONTRACTS)" $(NODE) test/e2e/run.ts

check: ## types, format and lint, unused code, shell scripts, file sizes
	@bin/setup check
	@$(NODE) test/support/checks/check.ts

bench: build ## measure start-up, attach, restore and the data path
	@bin/setup run bench
	@$(NODE) test/bench/run.ts $(BENCH)

build: packages ## bundle the command line and the hooks into dist/
	@$(NODE) bin/build.ts

coverage: tools build ## run the suites and report which lines of lib/ and hooks/ they reach
	@$(NODE) node_modules/c8/bin/c8.js $(NODE) test/support/suites.ts $(SUITES)

install: build ## install under PREFIX and SYSCONFDIR (DESTDIR for packaging)
	@bin/install install

uninstall: ## remove what install put, except vmnet.ini
	@bin/install uninstall

clean: ## remove what was built, measured and cached; what setup installed stays
	@rm -rf dist coverage
	@[ ! -d .cache ] || find .cache -mindepth 1 -maxdepth 1 ! -name "setup.*" -exec rm -rf {} +

packages:
	@bin/setup

tools:
	@bin/setup run test
