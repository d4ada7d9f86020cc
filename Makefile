# Every entry point of the project; `make help` lists them.
#
#   O=DIR          where to build            (build)
#   CC=clang       another compiler
#   SANITIZE=1     with ASan and UBSan
#   prefix=, DESTDIR=, as usual              (/usr/local)

VERSION := 0.1.0
SOVERSION := 0

O ?= build
CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
prefix ?= /usr/local
bindir ?= $(prefix)/bin
libdir ?= $(prefix)/lib
includedir ?= $(prefix)/include
datadir ?= $(prefix)/share
mandir ?= $(datadir)/man
sysconfdir ?= $(if $(filter /usr /usr/local,$(prefix)),/etc,$(prefix)/etc)
PYTHON3 ?= python3

PKGS := libdw libelf jansson zlib libprotobuf-c
include mk/ebpf.mk
CPPFLAGS += -D_GNU_SOURCE -DPW_VERSION='"$(VERSION)"' -Isrc -I$(O)/gen
CFLAGS ?= -O2 -g
override CFLAGS += -std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter -fvisibility=hidden -fPIC -MMD -MP
ifeq ($(SANITIZE),1)
override CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
override LDFLAGS += -fsanitize=address,undefined
endif
# libiberty has no .pc file, nor a shared library.
LIBS = $(shell pkg-config --libs $(PKGS) 2>/dev/null || echo -ldw -lelf -ljansson -lz -lprotobuf-c) -liberty -ldl -pthread

LAYERS := base target binary python stack sample output
LIB_SOURCES := $(filter-out $(EBPF_UNUSED),$(foreach l,$(LAYERS),$(wildcard src/$(l)/*.c))) \
	$(O)/gen/builtin_layouts.c
PROTOS := pprof otlp
LIB_OBJECTS := $(patsubst %.c,$(O)/obj/%.o,$(filter src/%,$(LIB_SOURCES))) $(O)/obj/gen/builtin_layouts.o \
	$(O)/obj/gen/flamegraph_page.o $(PROTOS:%=$(O)/obj/gen/%.pb-c.o)
CLI_OBJECTS := $(patsubst %.c,$(O)/obj/%.o,$(wildcard src/cli/*.c))
LAYOUTS ?= $(sort $(wildcard offsets/*.def))

.DEFAULT_GOAL := all
.PHONY: all
all: $(O)/pywalk $(O)/libpywalk.so module $(O)/pywalk.pc

$(O)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(O)/obj/gen/%.o: $(O)/gen/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(O)/gen/builtin_layouts.c: $(LAYOUTS) offsets/embed.sh
	@mkdir -p $(@D)
	sh offsets/embed.sh $(LAYOUTS) > $@.tmp && mv $@.tmp $@

FLAMEGRAPH := $(addprefix src/output/flamegraph/,page.html page.css model.js graph.js timeline.js threads.js difference.js \
	page.js)

$(O)/gen/flamegraph_page.c: $(FLAMEGRAPH) src/output/flamegraph/embed.sh
	@mkdir -p $(@D)
	PYTHON3='$(PYTHON3)' sh src/output/flamegraph/embed.sh $(FLAMEGRAPH) > $@.tmp && mv $@.tmp $@

$(O)/gen/%.pb-c.c $(O)/gen/%.pb-c.h: src/output/%.proto
	@mkdir -p $(@D)
	protoc-c -Isrc/output --c_out=$(O)/gen $<

# Kept, and there before it is known who includes them.
.SECONDARY: $(PROTOS:%=$(O)/gen/%.pb-c.c)
$(patsubst %.c,$(O)/obj/%.o,$(wildcard src/output/*.c)) $(patsubst %.c,$(O)/lint/%.stamp,$(wildcard src/output/*.c)): \
	| $(PROTOS:%=$(O)/gen/%.pb-c.h)

$(O)/libpywalk.a: $(LIB_OBJECTS)
	rm -f $@ && ar rcs $@ $^

$(O)/libpywalk.so.$(VERSION): $(LIB_OBJECTS) src/pywalk.map
	$(CC) -shared -Wl,-soname,libpywalk.so.$(SOVERSION) -Wl,--version-script=src/pywalk.map \
		-Wl,-z,defs -Wl,-Bsymbolic-functions $(LDFLAGS) -o $@ $(LIB_OBJECTS) $(LIBS)

$(O)/libpywalk.so: $(O)/libpywalk.so.$(VERSION)
	ln -sf $(<F) $(O)/libpywalk.so.$(SOVERSION)
	ln -sf $(<F) $@

$(O)/pywalk: $(CLI_OBJECTS) $(O)/libpywalk.so
	$(CC) $(LDFLAGS) -o $@ $(CLI_OBJECTS) -L$(O) -lpywalk -Wl,-rpath,'$$ORIGIN:$$ORIGIN/../lib' \
		$(CLI_LIBS)

-include $(shell find $(O)/obj -name '*.d' 2>/dev/null)

-include offsets/offsets.mk src/module/module.mk testsuite/testsuite.mk testsuite/fuzz/fuzz.mk testsuite/consumers.mk mk/install.mk mk/lint.mk
