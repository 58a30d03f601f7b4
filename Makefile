# Everything here sets itself up: the first target that needs it makes .venv and installs what constraints.txt pins.

PROFILE ?= quick
DEVICE  ?= cpu
ARGS    ?=
# Builds for a GPU do not go into one environment with those for the CPU, nor TensorFlow's with the others' (see pyproject.toml).
CUDA     = --target pytorch=.venv-cuda --target jax=.venv-cuda --target tensorflow=.venv-cuda-tensorflow
ifeq ($(filter cuda%,$(DEVICE)),)
EXTRAS  ?= cpu,dev
VENV    ?= .venv
else
EXTRAS  ?= cuda,learn
VENV    ?= .venv-cuda
TARGETS ?= $(CUDA)
BESIDE  ?= $(VENV)-tensorflow/.installed
DRIVER   = command -v nvidia-smi >/dev/null || test -e /proc/driver/nvidia/version || { \
	  echo "error: DEVICE=$(DEVICE) needs an NVIDIA GPU with its driver, and there is none here" >&2; exit 1; };
endif

CANDIDATES := $(or $(PYTHON),python3.11 python3.12 python3 python)
comma      := ,
BIN        := $(VENV)/bin
STAMP      := $(VENV)/.installed-$(subst $(comma),-,$(EXTRAS))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help report test lint bench browser selfbench gpu-check docs format setup clean

help: ## List the targets
	@echo "usage: make TARGET [PROFILE=quick] [DEVICE=cpu] [ARGS='further arguments']"
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14
	@echo
	@echo "PYTHON=… names the Python to use (3.11 or 3.12), VENV=… is where; DEVICE=cuda measures on a GPU."

report: $(STAMP) $(BESIDE) ## Check and time the workloads of PROFILE, and write the report
	@$(BIN)/triptych run --profile $(PROFILE) --device $(DEVICE) $(TARGETS) $(ARGS)

test: lint ## Run the linters and the whole test suite
	@$(BIN)/python -m pytest --numprocesses auto --dist loadgroup $(ARGS)

lint: $(STAMP) ## Run ruff, mypy and import-linter
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: $(STAMP) ## Benchmark the implementations with pytest-benchmark; writes results/benchmark.json
	@mkdir -p results
	@$(BIN)/python -m pytest tests/benchmarks --benchmark-only --benchmark-json=results/benchmark.json $(ARGS)

browser: $(STAMP) ## Look at the report with a real browser: needs Chromium and its driver
	@$(BIN)/python -m pytest tests/browser $(ARGS)

selfbench: $(STAMP) ## Measure what measuring costs
	@$(BIN)/python -m tests.selfbench $(ARGS)

# Installs nothing: a machine with a GPU often has its packages, and no network.
gpu-check: ## Prove everything that can be proven on this machine's GPU; leaves results/gpu-check
	@$(or $(PYTHON),$(firstword $(wildcard .venv-cuda/bin/python $(BIN)/python)),python3) -m tests.gpu_check \
	  $(if $(wildcard .venv-cuda-tensorflow),$(CUDA)) $(ARGS)

docs: $(STAMP) ## Write docs/truth.md and docs/workloads/ from the definitions and the outside cases
	@$(BIN)/python -m tests.truth
	@$(BIN)/python -m reports.handbook

format: $(STAMP) ## Format the code and sort its imports
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

setup: $(STAMP) ## Make the virtual environment, and nothing else

clean: ## Remove the virtual environment and what tools left behind; results stay
	rm -rf .venv .venv-cuda .venv-cuda-tensorflow $(VENV) build dist *.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A Python that is right, a compiler for torch.compile, then everything in one pip call, so that it resolves together.
$(STAMP): pyproject.toml constraints.txt
	@set -e; $(DRIVER) \
	is_right='import sys, venv; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))'; \
	if ! test -e $(VENV); then \
	  for python in $(CANDIDATES); do \
	    if "$$python" -c "$$is_right" 2>/dev/null; then found=$$python; break; fi; \
	  done; \
	  test -n "$$found" || { echo "error: no Python 3.11 or 3.12 with venv found (tried: $(CANDIDATES));" \
	    "install one, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }; \
	elif ! $(BIN)/python -c "$$is_right" 2>/dev/null; then \
	  echo "error: $(VENV) holds no Python 3.11 or 3.12; remove it, then try again" >&2; exit 1; \
	fi; \
	command -v $${CXX:-c++} >/dev/null || command -v g++ >/dev/null || command -v clang++ >/dev/null || { \
	  echo "error: torch.compile needs a C++ compiler; install g++ or clang++, or name one in CXX" >&2; exit 1; }; \
	echo "Installing Triptych and the frameworks into $(VENV), quietly: a few minutes, once, and about 3 GB of disk."; \
	test -z "$$found" || "$$found" -m venv $(VENV); \
	$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'; \
	touch $@

# Measured in, not run from: made by the Python of the other.
$(VENV)-tensorflow/.installed: $(STAMP)
	@echo "Installing TensorFlow into $(VENV)-tensorflow, quietly."
	@$(BIN)/python -m venv $(VENV)-tensorflow
	@$(VENV)-tensorflow/bin/python -m pip install -qq --disable-pip-version-check -c constraints.txt numpy 'tensorflow[and-cuda]'
	@touch $@
