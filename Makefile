# SPDX-License-Identifier: Apache-2.0
# Every target sets up what it needs. `make` alone prints this help.

SIM     ?= verilator
SEED    ?=
WAVES   ?= 0
HOSTS   ?= 4
BLOCKS  ?= 2048
TASKS   ?= 32
JOBS    ?= 2
ARGS    ?=

VENV    := .venv
BIN     := $(VENV)/bin
READY   := $(VENV)/.ready
GUEST   := $(VENV)/.guest
PYTHON3 ?= python3

export SIM WAVES

# A mistyped variable would else be a run with the default.
BLANK   := $(subst ,, )
GIVEN   := $(foreach each,$(subst \$(BLANK),_,$(MAKEOVERRIDES)),$(firstword $(subst =, ,$(each))))
UNKNOWN := $(filter-out SIM SEED WAVES HOSTS BLOCKS TASKS JOBS ARGS VENV PYTHON3,$(GIVEN))
ifneq ($(UNKNOWN),)
$(error $(UNKNOWN): must be one of SIM SEED WAVES HOSTS BLOCKS TASKS JOBS ARGS)
endif

.DEFAULT_GOAL := help
.PHONY: help setup tools sim hil test test-fast test-long test-hil lint format waves screenshot bench bench-hil clean distclean

help: ## print the targets and variables
	@echo "Targets:"
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14 | sed 's/^/  /'
	@echo "Variables (name=default, legal values):"
	@echo "  SIM=verilator   verilator | icarus"
	@echo "  SEED=           any 32-bit number; empty picks one and prints it"
	@echo "  WAVES=0         1 writes an FST of the run"
	@echo "  HOSTS=4         1 to 16 host initiators in make sim"
	@echo "  BLOCKS=2048     blocks of 512 bytes in the volume that is backed up (multiple of 8, 64 to 16384)"
	@echo "  TASKS=32        contexts of the port's task table (4 to 256)"
	@echo "  JOBS=2          simulations at once in make test"
	@echo "  ARGS=           handed to pytest (make test) or portplex sim (make sim)"

$(READY): requirements.lock pyproject.toml tb/setup_tools.sh
	@sh tb/setup_tools.sh $(PYTHON3) $(VENV)
	@touch $@

$(GUEST): tb/setup_tools.sh | $(READY)
	@sh tb/setup_tools.sh --hil
	@touch $@

setup: $(READY) ## make .venv from requirements.lock and install the system tools where allowed

tools: ## say which system tools are there and what each is for
	@sh tb/setup_tools.sh --check

sim: $(READY) ## the main job: hosts and a backup share one port (SIM, SEED, WAVES, HOSTS, BLOCKS, TASKS)
	@$(BIN)/portplex sim --sim '$(SIM)' $(if $(SEED),--seed '$(SEED)') --hosts '$(HOSTS)' --blocks '$(BLOCKS)' --tasks '$(TASKS)' $(ARGS)

hil: $(READY) $(GUEST) ## a Linux guest uses the array's disks while one is backed up; installs QEMU where it may
	@$(BIN)/portplex hil

test: $(READY) $(GUEST) ## the whole regression, on every simulator that is installed
	@env -u SIM $(BIN)/pytest -n $(JOBS) --dist loadgroup $(ARGS)

test-fast: $(READY) ## unit tests, quick checks of the command line, crc32 and a small main job
	@env -u SIM $(BIN)/pytest -n $(JOBS) -m fast $(ARGS)

test-long: $(READY) ## block tests with a new seed, system tests with many seeds
	@env -u SIM PORTPLEX_LONG=1 $(BIN)/pytest -n $(JOBS) tests/block tests/system $(ARGS)

test-hil: $(READY) $(GUEST) ## the tests with Linux guests, the whole story among them
	@env -u SIM PORTPLEX_HIL=1 $(BIN)/pytest tests/hil $(ARGS)

lint: $(READY) ## ruff, mypy, verilator -Wall, SPDX lines
	@$(BIN)/ruff check tb tests bench
	@$(BIN)/ruff format --check tb tests bench
	@$(BIN)/mypy
	@$(BIN)/portplex lint

format: $(READY) ## ruff format
	@$(BIN)/ruff format tb tests bench

waves: $(READY) ## open the last run's waves in GTKWave, signals grouped by task
	@$(BIN)/portplex waves

screenshot: $(READY) ## redraw the pictures in docs/ from fresh runs (needs GTKWave, xvfb and Chromium)
	@$(BIN)/portplex screenshot

bench: $(READY) ## speed and throughput, written to sim_build/bench/bench.json
	@$(BIN)/python bench/run.py $(ARGS)

bench-hil: $(READY) $(GUEST) ## throughput of a Linux guest and where the time goes: sim_build/bench/bench_hil.json
	@$(BIN)/python bench/run.py --hil $(ARGS)

clean: ## remove everything generated
	@find sim_build -mindepth 1 -not -name .gitkeep -delete

distclean: clean ## clean, and remove the Python environment
	@rm -rf $(VENV) tb/portplex.egg-info
