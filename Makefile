# The commands of the README. The build itself is meson's (meson.build); this only calls it, and setup/install.sh first.

FUZZ_SECONDS ?= 60
PREFIX ?= /usr/local
EXAMPLE = examples/gradio-hello
PROGRAMS = pinokiocloud pinokiocloud-runner pinokiocloud-keeper pinokiocloud-gate

# A warning is an error in CI; elsewhere a newer compiler's new warning must not stand between a person and the program.
WERROR = $(if $(CI),-Dwerror=true)

# JavaScriptCore beside AddressSanitizer: it handles SIGSEGV itself (allow_user_segv_handler), and it finds the values that C
# holds by looking through the stack, which therefore must stay where it is (detect_stack_use_after_return=0).
SANITIZERS = $(CURDIR)/tests/sanitizers
ASAN_FLAGS = exitcode=99:allow_user_segv_handler=1:detect_stack_use_after_return=0:strict_string_checks=1
ASAN_ENV = ASAN_OPTIONS=$(ASAN_FLAGS):fast_unwind_on_malloc=0:malloc_context_size=6 \
  LSAN_OPTIONS=suppressions=$(SANITIZERS)/lsan.supp:print_suppressions=0 \
  UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1:exitcode=99 \
  G_SLICE=always-malloc G_DEBUG=gc-friendly,fatal-criticals PINOKIO_TEST_SLOW=4
TSAN_FLAGS = suppressions=$(SANITIZERS)/tsan.supp:halt_on_error=1:exitcode=99
TSAN_ENV = TSAN_OPTIONS=$(TSAN_FLAGS):ignore_noninstrumented_modules=1:die_after_fork=0 \
  G_SLICE=always-malloc G_DEBUG=fatal-criticals PINOKIO_TEST_SLOW=4
# What looks at the sources, at the net, at npm's pterm, at speed, at what the notebook makes of the engine.
ASAN_WITHOUT = lint online pterm load notebook browser
TSAN_SUITES = base net storage environment keeper
# A forked child of a program with threads cannot start threads under ThreadSanitizer.
TSAN_SKIP = -s /storage/download/full-disk-keeps-part

.PHONY: all build run test lint bench bench-ui images fuzz install clean setup setup-test

all: build

setup:
	@setup/install.sh run

setup-test:
	@setup/install.sh run test

build/build.ninja: | setup
	@meson setup build $(WERROR) >build-setup.log 2>&1 || { cat build-setup.log; exit 1; }
	@rm -f build-setup.log

build: setup build/build.ninja
	@ninja -C build

# Without the tests, which take longer to build than the programs.
run: setup build/build.ninja
	@ninja -C build $(PROGRAMS)
	@build/pinokiocloud run $(EXAMPLE)

lint: setup-test build/build.ninja
	@python3 tests/lint/lint.py

# Every suite three times: as it is, under AddressSanitizer and UBSan, and (rooms without JavaScript) under ThreadSanitizer.
test: setup-test build
	@rm -f $(foreach b,build build-asan build-tsan,$(b)/meson-logs/testlog.json $(b)/meson-logs/again.json)
	@echo "testing: build"
	@meson test -C build --quiet >build/test.log 2>&1 || true
	@python3 tests/again.py build
	@tests/sanitizers/build.sh build-asan address,undefined
	@echo "testing: build-asan"
	@$(ASAN_ENV) meson test -C build-asan --quiet $(addprefix --no-suite ,$(ASAN_WITHOUT)) --timeout-multiplier 4 \
	  >build-asan/test.log 2>&1 || true
	@$(ASAN_ENV) python3 tests/again.py build-asan --timeout-multiplier 4
	@tests/sanitizers/build.sh build-tsan thread
	@echo "testing: build-tsan"
	@$(TSAN_ENV) meson test -C build-tsan --quiet $(addprefix --suite ,$(TSAN_SUITES)) --test-args='$(TSAN_SKIP)' \
	  --timeout-multiplier 4 \
	  >build-tsan/test.log 2>&1 || true
	@$(TSAN_ENV) python3 tests/again.py build-tsan --test-args='$(TSAN_SKIP)' --timeout-multiplier 4
	@python3 tests/report.py build build-asan build-tsan

bench: build
	@python3 tests/bench/bench.py --build build

# The notebook in a browser: how quick it is, and its pictures for the README.
bench-ui: setup-test build
	@python3 tests/notebook/inside.py tests/bench/ui.py --engine build/pinokiocloud

images: setup-test build
	@python3 tests/notebook/inside.py tests/notebook/images.py --engine build/pinokiocloud --out docs/images

fuzz:
	@setup/install.sh run fuzz
	@[ -f build-fuzz/build.ninja ] || \
	  CC=clang meson setup build-fuzz -Dfuzz=true -Db_lundef=false -Db_sanitize=address,undefined
	@ninja -C build-fuzz fuzzers
	@tests/fuzz/run.sh build-fuzz $(FUZZ_SECONDS)

install: build
	@meson configure build -Dprefix=$(PREFIX)
	@meson install -C build --quiet
	@PINOKIO_TOOLS=$(DESTDIR)$(PREFIX)/lib/pinokiocloud/tools setup/install.sh run

clean:
	rm -rf build build-asan build-tsan build-fuzz
