# SPDX-License-Identifier: LGPL-2.1-or-later
#
# make          compile out/bin/templar          make image   build, sign and verify the first recipe
# make check    all tests (as root)              make bench   timings beside mmdebstrap and debootstrap
# make deps     install what it takes, from Debian
#
# V=1 shows the commands; WERROR=1; SANITIZE=address,undefined; CC=clang.

ifeq ($(origin CC),default)
CC := cc
endif

MAKEFLAGS += -rR
.DELETE_ON_ERROR:
.SUFFIXES:

VERSION  := 0.1.0
BUILD    := out/build
BIN      := out/bin
prefix   ?= /usr/local
CFLAGS   ?= -O2 -g
PACKAGES := libarchive libzstd liblzma zlib gpgme libsystemd libcrypto libcrypt jansson libseccomp

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' '$(1)' '$(2)')

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2
ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DTEMPLAR_VERSION='"$(VERSION)"' -Ibuilder -I. \
  -pthread -fstack-protector-strong $(WARNINGS) $(if $(WERROR),-Werror) $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer) \
  $(PACKAGE_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pthread -Wl,-z,relro,-z,now $(if $(SANITIZE),-fsanitize=$(SANITIZE)) $(LDFLAGS)

ifneq ($(filter-out deps clean help,$(or $(MAKECMDGOALS),all)),)
PACKAGE_CFLAGS := $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
PACKAGE_LIBS   := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null)
endif

SOURCES := $(sort $(wildcard builder/*.c builder/*/*.c signing/*.c))
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
LIBRARY := $(BUILD)/libtemplar.a
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/unit/test_*.c)))

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

$(BUILD)/tests/%: $(BUILD)/tests/unit/%.o $(LIBRARY)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(PACKAGE_LIBS) -lcmocka -o $@

.PHONY: unit-tests
unit-tests: $(UNIT_TESTS)

include builder/man/man.mk

.PHONY: clean
clean:
	rm -rf out/build out/bin

-include $(OBJECTS:.o=.d) $(patsubst tests/%.c,$(BUILD)/tests/%.d,$(wildcard tests/unit/*.c))
