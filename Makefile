# `make demo` and `make test` set everything up by themselves, in .venv; they need Python 3.11 or later.
PYTHON ?= python3
VENV ?= .venv
LOWEST := build/lowest
BIN := $(VENV)/bin
# Two workers: the tests' time budget is stated for two cores.
WORKERS ?= 2

.PHONY: reduced-vs-field network-vs-field forecast-study fusion validate verify demo test test-long test-lowest fast prove explore explore-sampled oracle campaign-safety cells campaign-kill campaign-cluster bench-campaign falsify-table falsify-product false-trips mutants seeded coverage check lint docs wheel bench benchmark firmware board-tools rig-qemu demo-board test-board host-kill-board fuzz-firmware picture examples clean help

# tool COMMAND,PACKAGE: says which package has a command that is missing
tool = command -v $(1) >/dev/null || { echo "this needs $(1): apt-get install $(2)"; exit 2; }

help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort

demo: $(VENV)/.with-run ## one treatment on the simulated plant
	$(BIN)/rfgen run vertebra-metastasis

test: $(VENV)/.with-test ## every test that fits five minutes on two cores
	$(BIN)/python -m pytest -n $(WORKERS) -q

test-long: $(VENV)/.with-test ## the tests that take longer, the 1,000-patient benchmark among them
	$(BIN)/python -m pytest -n $(WORKERS) -q tests_long

test-lowest: ## the tests with every dependency at its lower bound, in a virtual environment of its own
	$(MAKE) $(LOWEST)/bin/python VENV=$(LOWEST)
	$(LOWEST)/bin/python tools/lowest.py > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check -c $(LOWEST)/constraints.txt -e '.[field,test]'
	$(LOWEST)/bin/python -m pytest -n $(WORKERS) -q

check: $(VENV)/.with-run ## every shipped scenario, held against what it expects; what trips on the network trips on the reduced plant too
	$(BIN)/rfgen check --junit check.xml
	$(BIN)/rfgen check --plant reduced $(patsubst rfgen/scenarios/%.yaml,%,$(wildcard rfgen/scenarios/trip-*.yaml))

lint: $(VENV)/.with-dev ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.with-dev ## the documentation, into site/
	$(BIN)/python docs/generate.py --check
	$(BIN)/mkdocs build --strict --quiet

bench: $(VENV)/.with-test fast ## speed, as ratios measured in one run; then the same of the compiled program
	$(BIN)/python bench/speed.py
	$(FAST)/python bench/speed.py

.PHONY: bench-field
bench-field: $(VENV)/.with-test fast ## the field plant: speed against real time, work, cost against cells, step error
	$(BIN)/python bench/field.py
	$(FAST)/python -m pip install --quiet --disable-pip-version-check "$$(echo build/fast/rfgen-*.whl)[field]"
	$(FAST)/python bench/field.py --loop

benchmark: $(VENV)/.with-run ## control over 1,000 random patients a profile
	$(BIN)/python bench/control.py --patients 1000

wheel: $(VENV)/.with-run ## build a wheel, install it in an empty place, and run it there
	rm -rf build/wheel && mkdir -p build/wheel
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir build/wheel .
	$(PYTHON) -m venv build/wheel/venv
	build/wheel/venv/bin/python -m pip install --quiet --disable-pip-version-check build/wheel/rfgen-*.whl
	cd build/wheel && venv/bin/rfgen check && venv/bin/rfgen run bench-self-test --out run --quiet && venv/bin/rfgen replay run
	@du -sh build/wheel/venv | sed 's/\t.*/ installed, Python and pip included/'

examples: $(VENV)/.with-run ## examples/ copied out of here, run from a wheel as its workflow file says
	rm -rf build/examples && mkdir -p build/examples
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir build/examples .
	$(BIN)/python tools/examples.py build/examples/rfgen-*.whl

SOURCES := $(shell find hal rfgen sim -type f -not -name '*.pyc')
FAST := build/fast/venv/bin

fast: build/fast/.built ## the same program with its inner loop compiled, in an environment of its own: build/fast/venv
	cd build/fast && venv/bin/rfgen check
	$(BIN)/python tools/same_bytes.py $(BIN)/rfgen $(FAST)/rfgen vertebra-metastasis liver-monopolar \
		roll-off-pulled-back operator-stops-and-starts-again trip-flow-low trip-internal-error trip-link-lost trip-tc-rate

build/fast/.built: $(SOURCES) pyproject.toml | $(VENV)/.with-run
	rm -rf build/fast && mkdir -p build/fast/source
	cp -r hal rfgen sim pyproject.toml README.md LICENSE build/fast/source
	HATCH_BUILD_HOOK_ENABLE_MYPYC=true $(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps \
		--wheel-dir build/fast build/fast/source
	$(PYTHON) -m venv build/fast/venv
	$(FAST)/python -m pip install --quiet --disable-pip-version-check "$$(echo build/fast/rfgen-*.whl)[cluster]"
	@touch $@

prove: $(VENV)/.with-test ## every interlock row against the catalogue's text, by a solver
	$(BIN)/python -m evidence.prove

verify: $(VENV)/.with-test ## the field plant against closed forms and finite elements, into docs/verification.md
	$(BIN)/python -m evidence.verify

validate: $(VENV)/.with-test ## the field plant against published lesions, into docs/validation.md
	$(BIN)/python -m evidence.validate

fusion: $(VENV)/.with-test ## the Fusion profile near the cord: four vertebrae, into docs/fusion.md with its pictures
	$(BIN)/python -m evidence.fusion

forecast-study: $(VENV)/.with-test ## SENTINEL_FORECAST over random vertebrae, into docs/forecast.md; goes on where it was killed: N=3000
	$(BIN)/python -m evidence.forecast --grid-check 20
	$(BIN)/python -m evidence.forecast --twice 3
	$(BIN)/python -m evidence.forecast --vertebrae $(or $(N),3000) -j $(WORKERS)

reduced-vs-field: $(VENV)/.with-test ## the reduced plant against the field plant, into docs/reduced-vs-field.md
	$(BIN)/python -m evidence.reduced_vs_field

network-vs-field: $(VENV)/.with-test ## the network plant against the field plant, into docs/network-vs-field.md
	$(BIN)/python -m evidence.network_vs_field

explore: $(VENV)/.with-test ## the firmware's reachable states, breadth first
	$(BIN)/python -m evidence.explore

explore-sampled: $(VENV)/.with-test ## seeded walks of the firmware at full persistence, 30 s of treatment each: N=8000 takes 5 minutes of one core
	$(BIN)/python -m evidence.explore --sampled $(or $(N),2000)

oracle: $(VENV)/.with-test ## recorded trips against an independent evaluator
	$(BIN)/python -m evidence.oracle --runs $(or $(N),1000)

campaign-safety: $(VENV)/.with-test ## random faults put on saved treatments: N=100000
	$(BIN)/python -m evidence.campaign --forks $(or $(N),1000) -j $(WORKERS)

cells: $(VENV)/.with-test ## every fault in every state on every profile: ARGS="--write" makes the page
	$(BIN)/python -m evidence.cells -j $(WORKERS) $(ARGS)

bench-campaign: $(VENV)/.with-test build/fast/.built ## a campaign's treatments a minute, linearity and memory, interpreted and compiled: N=200
	$(BIN)/python bench/campaign.py --runs $(or $(N),200) -j $(WORKERS)
	$(FAST)/python bench/campaign.py --runs $(or $(N),200) -j $(WORKERS)

campaign-kill: build/fast/.built ## a campaign killed three times and gone on with equals one that was not (compiled): N=10000
	$(FAST)/python -m evidence.campaign_kill --runs $(or $(N),10000) -j $(WORKERS)

campaign-cluster: build/fast/.built ## the same on a Dask cluster of this machine, workers killed too (compiled): N=10000
	$(FAST)/python -m evidence.campaign_kill --cluster --runs $(or $(N),10000) -j $(WORKERS)

falsify-table: $(VENV)/.with-test ## seeded defects found by rfgen falsify, guided and by chance: into docs/falsify.md; goes on where it was stopped
	$(BIN)/python -m evidence.falsify_table --write -j $(WORKERS) $(ARGS)

falsify-product: $(VENV)/.with-test ## every promise searched for a break on every profile: ARGS="--budget 150"
	$(BIN)/python -m evidence.falsify_product -j $(WORKERS) $(ARGS)

false-trips: $(VENV)/.with-test ## sound treatments over the whole patient range: N=20000
	$(BIN)/python -m evidence.false_trips --treatments $(or $(N),500) -j $(WORKERS)

mutants: $(VENV)/.with-test ## every mutant of the safety core and of the machine dies: ARGS="--file permit"
	$(BIN)/python -m evidence.mutants -j $(WORKERS) $(ARGS)

seeded: $(VENV)/.with-test ## plausible defects, and which detector finds each: ARGS="--write" makes the page
	$(BIN)/python -m evidence.seeded -j $(WORKERS) $(ARGS)

coverage: $(VENV)/.with-test ## every branch of the safety core and of the machine is taken by a fast test
	$(BIN)/python -m coverage run -m pytest -q -n 0 tests/safety --ignore tests/safety/test_mutants.py tests/interlocks/test_interlock_derived.py \
		tests/interlocks/test_interlock_memory.py
	$(BIN)/python -m coverage report

host-kill: $(VENV)/.with-test ## hosts killed in ramp or hold: RF off within the watchdog, N=200
	$(BIN)/python -m evidence.hostkill --runs $(or $(N),200)

fuzz: $(VENV)/.with-test ## whatever a line sends to the host: N=100000000 bytes
	$(BIN)/python -m evidence.fuzz_host --bytes $(or $(N),100000000)

bench-exchange: $(VENV)/.with-test ## an exchange over a pseudo-terminal against bare round trips; MINUTES=10 for 1 kHz with its misses
	$(BIN)/python bench/exchange.py $(if $(MINUTES),--minutes $(MINUTES))

firmware: ## the rig's firmware: built, its C tests and fuzz under sanitizers, cppcheck
	@$(call tool,gcc,gcc) && $(call tool,cppcheck,cppcheck)
	$(MAKE) -C firmware host test

board-tools:
	@$(call tool,gcc,gcc) && $(call tool,arm-none-eabi-gcc,gcc-arm-none-eabi) && $(call tool,qemu-system-arm,qemu-system-arm)

rig-qemu: board-tools ## the firmware on an emulated Cortex-M3; prints its port: LINK=/tmp/rig-qemu
	$(MAKE) -s -C firmware qemu $(if $(LINK),LINK=$(LINK))

demo-board: board-tools $(VENV)/.with-run ## bench-first-light through the emulated board, live
	@$(MAKE) -s -C firmware arm
	@BIN=$(abspath $(BIN)) sh firmware/port/mps2/demo.sh build/firmware/rig.elf

test-board: board-tools $(VENV)/.with-test ## both ports in real time: conformance, first light, and hosts that are killed: N=3
	$(BIN)/python -m pytest -n $(WORKERS) -q tests_board
	$(BIN)/python -m evidence.hostkill_board --runs $(or $(N),3)

host-kill-board: board-tools $(VENV)/.with-run ## hosts killed on the emulated board: N=20
	$(BIN)/python -m evidence.hostkill_board --runs $(or $(N),20)

fuzz-firmware: ## the firmware's decoder under random bytes: N=100000000
	@$(call tool,gcc,gcc)
	$(MAKE) -C firmware fuzz FUZZ_BYTES=$(or $(N),100000000)

picture: $(VENV)/.with-run ## the README's picture, from a fresh run
	$(BIN)/rfgen run vertebra-metastasis --out docs/run --quiet
	$(BIN)/rfgen report docs/run --picture docs/vertebra-metastasis.svg
	rm -rf docs/run

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "rfgen needs Python 3.11 or later; try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.with-run: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[field]'
	@touch $@

$(VENV)/.with-test: $(VENV)/.with-run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@

$(VENV)/.with-dev: $(VENV)/.with-test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

clean: ## remove what was made
	rm -rf $(VENV) build site check.xml .coverage .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
