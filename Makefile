# The short way to everything; CMake with its presets (CMakePresets.json) does the work.
#
#   make CMAKE_OPTIONS="-DVALENCE_ENCODERS=OFF"    hands options to CMake
PREFIX ?= /usr/local
CMAKE_OPTIONS ?=
BENCH_PYTHON ?=
export BENCH_PYTHON

SOURCES = $(shell find src include cli tests bench fuzz docs -name '*.[ch]')

.PHONY: build demo experiments test bench install deb fuzz format clean help
.DEFAULT_GOAL := build

build: ## build the command and the library into build/release
	scripts/setup.sh
	scripts/configure.sh release $(CMAKE_OPTIONS)
	cmake --build --preset release

demo: ## score a talking clip and a speech; then train both flows on a synthetic corpus
	scripts/setup.sh
	scripts/configure.sh release $(CMAKE_OPTIONS)
	cmake --build --preset release --target valence_command
	scripts/demo.sh build/release/valence

experiments: build ## ablation, sweep, models, protocols, maps and cost on the synthetic corpus (13 minutes on two idle cores)
	scripts/experiments.sh build/release/valence

test: build ## run all tests; the last line counts them
	-build/release/valence models fetch smollm2
	scripts/test.sh build/release

bench: build ## time training and evaluation (BENCH_PYTHON=/path/to/python: against PyTorch)
	scripts/bench.sh build/release

install: build ## install the command, library, headers and manual page under PREFIX (/usr/local)
	cmake --install build/release --prefix "$(PREFIX)"

deb: ## make the Debian packages valence and libvalence-dev in build/deb/packages
	scripts/setup.sh
	cmake --preset deb $(CMAKE_OPTIONS)
	SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)} cmake --build --preset deb --target deb

fuzz: ## run every fuzz target for 60 seconds
	scripts/setup.sh --fuzz
	cmake --preset fuzz -DVALENCE_ENCODERS=OFF $(CMAKE_OPTIONS)
	cmake --build --preset fuzz
	scripts/fuzz.sh build/fuzz

format: ## format the C sources as .ci/run checks them
	scripts/setup.sh --ci
	clang-format -i $(SOURCES)

clean: ## remove everything built
	rm -rf build

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
