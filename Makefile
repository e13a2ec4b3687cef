# Production Cache. `make run` and `make test` are all that a newcomer needs; each target installs what it needs.

# What the build links against, what the tests drive, what the benchmarks measure against.
BUILD_PACKAGES = libcurl4-gnutls-dev libgnutls28-dev libhiredis-dev libmicrohttpd-dev libpq-dev libsimdjson-dev libsqlite3-dev \
	libxxhash-dev libzstd-dev pkg-config zlib1g-dev
TEST_PACKAGES = curl haproxy nginx-light openssl postgresql python3-venv prometheus redis-server zstd
MEMORY_PEERS = memcached redis-server
BENCH_PACKAGES = wrk nghttp2-client nginx-light $(MEMORY_PEERS) redis-tools webdis
INSTRUCTION_PACKAGES = binutils valgrind
LINT_PACKAGES = shellcheck

# A target may import only what it says it depends on.
SWIFT_BUILD = swift build --explicit-target-dependency-import-check error
VENV = .venv/bin

.PHONY: run build test unit-tests end-to-end-tests sanitize instructions bench bench-memory bench-micro bench-snapshot bench-warm hit-ratios image lint format clean

run: build
	exec .build/release/cache-server $(ARGS)

build:
	scripts/install-packages $(BUILD_PACKAGES)
	$(SWIFT_BUILD) -c release --product cache-server

# As many tests at a time as the pool of Swift's tasks has threads: more of them that block would keep tasks of others from running.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH = $(shell nproc)

test: unit-tests end-to-end-tests

unit-tests:
	scripts/install-packages $(BUILD_PACKAGES)
	swift test --explicit-target-dependency-import-check error

end-to-end-tests: build $(VENV)/pytest
	scripts/install-packages $(TEST_PACKAGES)
	cd Tests/EndToEnd && ../../$(VENV)/pytest

# The randomized tests do a fifth of what they do otherwise: each operation takes some five times as long.
SANITIZED_OPERATIONS = 200000
# Each sanitizer has a build of its own, so that going back and forth builds nothing anew.
SANITIZED_TEST = CACHE_TEST_OPERATIONS=$(SANITIZED_OPERATIONS) \
	LSAN_OPTIONS=suppressions=$(CURDIR)/Tests/leak-suppressions.txt:print_suppressions=0 timeout 1500 swift test
# Long tests of what one thread does: nothing is there for the thread sanitizer to find.
SINGLE_THREADED = EntryPlaceTests EntryTests EntryTableTests EvictionHistoryTests EvictionOrderTests FileSourceTests \
	HitRateForecastTests JSONSyntaxTests MemoryLimitTests ModelTests PoliciesTests SettingFlagsTests SlabTests \
	SnapshotTests/(many|what)
empty =
space = $(empty) $(empty)

sanitize:
	scripts/install-packages $(BUILD_PACKAGES)
	$(SANITIZED_TEST) --sanitize=thread --scratch-path .build-thread --skip '\.($(subst $(space),|,$(strip $(SINGLE_THREADED))))'
	$(SANITIZED_TEST) --sanitize=address --scratch-path .build-address
	Fuzz/run JSON 30
	Fuzz/run Operations 30

# Valgrind can't run the Swift runtime's own libraries, so the runtime is linked in.
instructions:
	scripts/install-packages $(BUILD_PACKAGES) $(INSTRUCTION_PACKAGES)
	$(SWIFT_BUILD) -c release --static-swift-stdlib --scratch-path .build-static --product cache-server
	$(SWIFT_BUILD) -c release --static-swift-stdlib --scratch-path .build-static --product bare-responder
	scripts/instructions .build-static/release

bench:
	scripts/install-packages $(BUILD_PACKAGES) $(BENCH_PACKAGES)
	$(SWIFT_BUILD) -c release
	.build/release/cache-bench http $(ARGS)

bench-memory:
	scripts/install-packages $(BUILD_PACKAGES) $(MEMORY_PEERS)
	$(SWIFT_BUILD) -c release
	.build/release/cache-bench memory $(ARGS)

bench-micro:
	scripts/install-packages $(BUILD_PACKAGES)
	$(SWIFT_BUILD) -c release --product cache-bench
	.build/release/cache-bench micro $(ARGS)

bench-snapshot:
	scripts/install-packages $(BUILD_PACKAGES) nghttp2-client
	$(SWIFT_BUILD) -c release
	.build/release/cache-bench snapshot $(ARGS)

bench-warm: build $(VENV)/pytest
	scripts/install-packages $(TEST_PACKAGES) redis-tools
	cd Tests/EndToEnd && ../../$(VENV)/pytest bench_warm.py $(ARGS)

# TRACES is a folder of traces with results.csv beside them; see scripts/hit-ratios.
hit-ratios:
	scripts/install-packages $(BUILD_PACKAGES)
	$(SWIFT_BUILD) -c release --product cache-bench
	scripts/hit-ratios "$(TRACES)" $(ARGS)

image:
	docker/build $(ARGS)

lint: $(VENV)/pytest
	scripts/install-packages $(LINT_PACKAGES)
	swift format lint --strict --parallel --recursive Package.swift Sources Tests Fuzz
	shellcheck scripts/* docker/build .ci/run Fuzz/run
	$(VENV)/ruff check Tests/EndToEnd
	$(VENV)/ruff format --check Tests/EndToEnd

format: $(VENV)/pytest
	swift format --in-place --parallel --recursive Package.swift Sources Tests Fuzz
	$(VENV)/ruff format Tests/EndToEnd

clean:
	rm -rf .build .build-thread .build-address .build-static .venv

$(VENV)/pytest: Tests/EndToEnd/requirements.txt
	scripts/install-packages python3-venv
	python3 -m venv .venv
	$(VENV)/pip install --quiet --disable-pip-version-check -r $<
	touch $@
