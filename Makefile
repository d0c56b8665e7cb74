# `make` alone prints this help.
SWIFT_FLAGS = -c release
SWIFT_SOURCES = Package.swift Sources Tests Benchmarks

.DEFAULT_GOAL := help
.PHONY: help setup build test demo bench lint soak

help: ## Print this help
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: ## Install what Debian and PyPI provide: libraries, PostgreSQL 15, 16 and 17
	@scripts/setup

build: setup ## Build everything, in release, into .build/release
	@swift build $(SWIFT_FLAGS) --build-tests

# Tests with servers and deadlines run one after the other, away from those that keep all processors busy.
SERVER_TESTS = ^(PostgresClientTests|SafekeeperServerTests|SafekeeperTests|TelemetryTests|WalPushTests|ReceiverIntegrationTests|DemoTests)\.

test: build ## Run all tests
	@swift test $(SWIFT_FLAGS) --skip-build --skip '$(SERVER_TESTS)'
	@swift test $(SWIFT_FLAGS) --skip-build --no-parallel --filter '$(SERVER_TESTS)'

demo: build ## Show the whole way: PostgreSQL, proposer, 3 safekeepers, 4 shards; demo-report.html (DEMO_OPTIONS=…)
	@.build/release/demo $(DEMO_OPTIONS)

bench: build ## Measure against references in the same run; figures go to bench.json (BENCH_OPTIONS=…)
	@.build/release/bench $(BENCH_OPTIONS)

lint: build ## Check the formatting, the house rules that a formatter can't see, and the documentation's links
	@swift format lint --strict --recursive $(SWIFT_SOURCES)
	@scripts/check-house
	@scripts/check-docs

soak: build ## Run the tests in debug, and those that damage input under the address sanitizer: long
	@KILL_ROUNDS=30 swift test $(SWIFT_FLAGS) --skip-build --filter PageserverProcessTests
	@CANCEL_ROUNDS=10000 swift test $(SWIFT_FLAGS) --skip-build --filter nothingAfterwards
	@STREAMING_SOAK=1 swift test $(SWIFT_FLAGS) --skip-build --filter "StoppedReceiver|ManyReceivers"
	@FAN_OUT_ROUNDS=10000 swift test $(SWIFT_FLAGS) --skip-build --filter AttachFuzz
	@PUSH_ROUNDS=8 swift test $(SWIFT_FLAGS) --skip-build --no-parallel --filter pgbenchSeesNoError
	@SIMULATION_SEEDS=10000 swift test $(SWIFT_FLAGS) --skip-build --filter SimulationTests
	@.build/release/demo --seconds 600 --steady-rows 50000 --plain --report soak-report.html
	@FAN_OUT_ROUNDS=100 swift test -c debug --scratch-path .build-debug
	@ASAN_OPTIONS=detect_leaks=0 swift test $(SWIFT_FLAGS) --sanitize=address --scratch-path .build-asan \
		--filter 'Mutation|Image|PGLZ|Layout|Checksum|Protobuf|Bincode|Zstd|Interpret'
