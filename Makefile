# SPDX-License-Identifier: LGPL-2.1-or-later
#
# make          compile out/bin/templar          make image   build, sign and verify the first recipe
# make check    all tests (as root)              make bench   timings beside mmdebstrap and debootstrap; BENCH='bootstrap layers pack'
# make deps     install what it takes, from Debian
#
# make check-recipes   build every recipe        make fuzz     FUZZ_SECONDS=60 for each target, with clang
# make check-reproducible   the same bytes under nine variations, one by one
# make check-bootstrap      trees of every suite and variant beside those of mmdebstrap and debootstrap
# make tidy     clang-tidy and shellcheck        make format   clang-format
# make install  DESTDIR=, prefix=/usr/local      make clean
#
# V=1 shows the commands; WERROR=1; SANITIZE=address,undefined; CC=clang. TESTS='unit cli' chooses groups of `check`.

# (a sub-make has -rR from its beginning: then it is undefined)
ifneq ($(filter default undefined,$(origin CC)),)
CC := cc
endif

MAKEFLAGS += -rR
.DELETE_ON_ERROR:
.SUFFIXES:
# objects of the tests are in the middle of a chain of rules; they are worth keeping
.SECONDARY:

VERSION  := 0.1.0
BUILD    := out/build
BIN      := out/bin
prefix   ?= /usr/local
CFLAGS   ?= -O2 -g
PACKAGES := libarchive libzstd liblzma zlib libdeflate gpgme libsystemd libcrypto libcrypt jansson libseccomp
# loaded when it is needed, see builder/packages/curl.h
LOADED_PACKAGES := libcurl

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' '$(1)' '$(2)')

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2
ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DTEMPLAR_VERSION='"$(VERSION)"' -Ibuilder -I. \
  -pthread -fstack-protector-strong $(WARNINGS) $(if $(WERROR),-Werror) $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer) \
  $(PACKAGE_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pthread -Wl,-z,relro,-z,now $(if $(SANITIZE),-fsanitize=$(SANITIZE)) $(LDFLAGS)

# Goals that need the libraries; the others install them first, or never compile.
ifneq ($(filter-out deps check-deps bench-deps fuzz-deps image check check-recipes check-reproducible check-bootstrap bench fuzz tidy format clean,$(or $(MAKECMDGOALS),all)),)
ifneq ($(shell pkg-config --exists $(PACKAGES) $(LOADED_PACKAGES) && echo yes),yes)
$(error Libraries are missing; install them: sudo make deps)
endif
PACKAGE_CFLAGS := $(shell pkg-config --cflags $(PACKAGES) $(LOADED_PACKAGES))
PACKAGE_LIBS   := $(shell pkg-config --libs $(PACKAGES)) -ldl
endif

SOURCES := $(sort $(wildcard builder/*.c builder/*/*.c signing/*.c))
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
LIBRARY := $(BUILD)/libtemplar.a
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/unit/test_*.c)))
FUZZ_TESTS := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
HEADERS    := $(sort $(wildcard builder/*/*.h signing/*.h))

.PHONY: all
all: $(BIN)/templar

# A change of compiler or flags rebuilds everything.
STAMP := $(BUILD)/flags
FLAGS_NOW = $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)
$(STAMP): .FORCE
	$(Q)mkdir -p $(@D)
	$(Q)printf '%s\n' '$(subst ','\'',$(FLAGS_NOW))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(FLAGS_NOW))' > $@
.FORCE:

$(BUILD)/%.o: %.c $(STAMP)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(LIBRARY): $(filter-out $(BUILD)/builder/main.o,$(OBJECTS))
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(BIN)/templar: $(BUILD)/builder/main.o $(LIBRARY)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(PACKAGE_LIBS) -o $@

$(BUILD)/tests/test_%: $(BUILD)/tests/unit/test_%.o $(LIBRARY)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(PACKAGE_LIBS) -lcmocka -o $@

$(BUILD)/tests/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/fuzz/replay.o $(LIBRARY)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(PACKAGE_LIBS) -o $@

$(BUILD)/tests/bench_pack: $(BUILD)/tests/bench/pack.o $(LIBRARY)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(PACKAGE_LIBS) -o $@

# objects are kept, else a header's change would not be seen
.PRECIOUS: $(BUILD)/tests/unit/%.o $(BUILD)/tests/fuzz/%.o

# what the runner takes by wildcard must not outlive its source
.PHONY: unit-tests fuzz-tests headers
unit-tests: $(UNIT_TESTS)
	$(Q)rm -f $(filter-out $(UNIT_TESTS),$(wildcard $(BUILD)/tests/test_*))
fuzz-tests: $(FUZZ_TESTS)
	$(Q)rm -f $(filter-out $(FUZZ_TESTS),$(wildcard $(BUILD)/tests/fuzz_*))

# Every header compiles alone.
headers:
	$(Q)for header in $(HEADERS); do \
	  printf '#include "%s"\n' "$${header#builder/}" | $(CC) $(ALL_CFLAGS) -Werror -Wno-unused-function -fsyntax-only -x c - \
	    || { echo "$$header does not compile alone"; exit 1; }; \
	done

include builder/man/man.mk

# ---------------------------------------------------------------------------------------------- packages of Debian
BUILD_PACKAGES := gcc libc6-dev pkgconf/pkg-config libarchive-dev libzstd-dev liblzma-dev zlib1g-dev libdeflate-dev libgpgme-dev \
  libsystemd-dev libssl-dev libcrypt-dev libjansson-dev libseccomp-dev \
  libcurl4-openssl-dev
RUN_PACKAGES   := apt debootstrap debian-archive-keyring ca-certificates gpg gpg-agent gpgv patch uidmap \
  util-linux xz-utils zstd
CHECK_PACKAGES := libcmocka-dev clang libclang-rt-dev attr busybox-static e2fsprogs expect faketime iproute2 jq \
  libarchive-tools libcap2-bin mandoc mmdebstrap nginx procps python3-jsonschema systemd-container time
BENCH_PACKAGES := jq mmdebstrap nginx pigz time
TIDY_PACKAGES  := clang-format clang-tidy shellcheck

.PHONY: deps check-deps bench-deps fuzz-deps
deps:
	$(Q).ci/install-packages $(BUILD_PACKAGES) $(RUN_PACKAGES)
check-deps:
	$(Q).ci/install-packages $(BUILD_PACKAGES) $(RUN_PACKAGES) $(CHECK_PACKAGES)
bench-deps:
	$(Q).ci/install-packages $(BUILD_PACKAGES) $(RUN_PACKAGES) $(BENCH_PACKAGES)
fuzz-deps:
	$(Q).ci/install-packages $(BUILD_PACKAGES) libcmocka-dev clang libclang-rt-dev

# ---------------------------------------------------------------------------------------------- what people call
JOBS = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))
SUBMAKE = +$(Q)$(MAKE) --no-print-directory $(JOBS)

# A program of its own for the sanitizers, so that out/bin/templar is never one of them.
CHECK_BUILD := out/build/check-$(notdir $(CC))$(if $(SANITIZE),-sanitize)
TESTS := source unit cli fuzz integration

.PHONY: image
image: deps
	$(SUBMAKE) all
	$(Q)$(BIN)/templar build recipes/debian-bookworm.recipe --out out/images
	$(Q)$(BIN)/templar verify out/images/debian-bookworm/$$(dpkg --print-architecture) \
	  --keyring out/images/debian-bookworm/$$(dpkg --print-architecture)/import-pubring.gpg

.PHONY: check
check: check-deps
ifneq ($(filter integration,$(TESTS)),)
	$(SUBMAKE) SANITIZE= all
endif
ifneq ($(filter unit cli fuzz,$(TESTS)),)
	$(SUBMAKE) BUILD=$(CHECK_BUILD) BIN=$(CHECK_BUILD)/bin all unit-tests fuzz-tests
endif
	+$(Q)BUILD=$(CHECK_BUILD) TEMPLAR=$(CHECK_BUILD)/bin/templar TEMPLAR_PLAIN=$(BIN)/templar tests/run $(TESTS)

.PHONY: check-bootstrap
check-bootstrap: check-deps
	$(SUBMAKE) all
	$(Q)BOOTSTRAP=full tests/integration/run bootstrap

.PHONY: check-recipes
check-recipes: check-deps
	$(SUBMAKE) all
	$(Q)tests/check-recipes

# The variations of tests/integration/test_reproducible.sh one by one: about an hour.
.PHONY: check-reproducible
check-reproducible: check-deps
	$(SUBMAKE) all
	$(Q)TEMPLAR_TEST_MATRIX=yes tests/integration/run reproducible

.PHONY: bench
bench: bench-deps
	$(SUBMAKE) SANITIZE= all $(BUILD)/tests/bench_pack
	$(Q)tests/bench/run $(BENCH)

# The corpora grow by what is found; a crash is left in out/fuzz.
FUZZ_SECONDS ?= 60
.PHONY: fuzz
fuzz: fuzz-deps
	$(SUBMAKE) CC=clang BUILD=out/build/fuzz SANITIZE=fuzzer-no-link,address,undefined fuzzers
	$(Q)mkdir -p out/fuzz
	$(Q)for name in $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c)); do \
	  mkdir -p out/fuzz/$$name; \
	  out/build/fuzz/tests/fuzzer_$$name -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=out/fuzz/$$name- \
	    -print_final_stats=1 out/fuzz/$$name tests/fuzz/corpus/$$name || exit 1; \
	done

$(BUILD)/tests/fuzzer_%: $(BUILD)/tests/fuzz/fuzz_%.o $(LIBRARY)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(subst fuzzer-no-link,fuzzer,$(ALL_LDFLAGS)) $^ $(PACKAGE_LIBS) -o $@
.PHONY: fuzzers
fuzzers: $(patsubst tests/fuzz/%.c,$(BUILD)/tests/%,$(subst fuzz_,fuzzer_,$(wildcard tests/fuzz/fuzz_*.c)))

C_FILES = $(wildcard builder/*.c builder/*/*.[ch] signing/*.[ch] tests/unit/*.[ch] tests/fuzz/*.c)
SHELL_FILES = $(shell grep -rIlE '^\#!/bin/(ba)?sh|shellcheck shell=' .ci recipes tests)

.PHONY: format
format:
	$(Q).ci/install-packages clang-format
	clang-format -i $(C_FILES)

.PHONY: tidy
tidy: check-deps
	$(Q).ci/install-packages $(TIDY_PACKAGES)
	shellcheck $(SHELL_FILES)
	$(SUBMAKE) clang-tidy

.PHONY: clang-tidy
clang-tidy: $(SOURCES:%=$(BUILD)/tidy/%)
$(BUILD)/tidy/%.c: %.c
	$(call say,TIDY,$<)
	$(Q)clang-tidy --quiet $< -- $(ALL_CFLAGS) 2>/dev/null
	$(Q)mkdir -p $(@D) && touch $@

.PHONY: install
install: all install-man
	$(INSTALL) -D -m 0755 $(BIN)/templar $(DESTDIR)$(prefix)/bin/templar
	$(INSTALL) -d -m 0755 $(DESTDIR)$(datadir)/templar/recipes
	cp -r --no-preserve=mode,ownership recipes/. $(DESTDIR)$(datadir)/templar/recipes/

.PHONY: clean
clean:
	rm -rf out/build out/bin

-include $(OBJECTS:.o=.d) $(patsubst tests/%.c,$(BUILD)/tests/%.d,$(wildcard tests/unit/*.c tests/fuzz/*.c tests/bench/*.c))
