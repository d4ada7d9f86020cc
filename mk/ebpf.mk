# The sampling engine `ebpf`: a program for the kernel, compiled by clang and wrapped by bpftool, with libbpf.
# Optional: built when all three are found; else ebpf_none.c says so in its place.
#
#   EBPF=           without it
#   BPF_CLANG=PATH, BPFTOOL=PATH

BPF_CLANG ?= clang
# It stands where administrators' programs do.
BPFTOOL ?= $(or $(shell PATH="$$PATH:/usr/local/sbin:/usr/sbin:/sbin" command -v bpftool),bpftool)
ifeq ($(origin EBPF),undefined)
EBPF := $(shell pkg-config --atleast-version=1.0 libbpf && $(BPFTOOL) version >/dev/null 2>&1 && \
	echo 'int x;' | $(BPF_CLANG) -target bpf -x c -c -o /dev/null - 2>/dev/null && echo 1)
endif

EBPF_SOURCES := src/sample/ebpf.c src/sample/ebpf_config.c src/sample/ebpf_library.c \
	src/sample/ebpf_ticker.c
EBPF_UNUSED := src/sample/ebpf.bpf.c $(if $(EBPF),src/sample/ebpf_none.c,$(EBPF_SOURCES))

BPF_ARCH := $(patsubst x86_64%,x86,$(patsubst aarch64%,arm64,$(shell $(CC) -dumpmachine)))

$(O)/gen/ebpf.bpf.o: src/sample/ebpf.bpf.c src/sample/ebpf_kernel.h src/sample/ebpf_record.h \
	$(wildcard src/sample/*.bpf.h)
	@mkdir -p $(@D)
	$(BPF_CLANG) -target bpf -D__TARGET_ARCH_$(BPF_ARCH) -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter \
		-Isrc/sample -c -o $(@:.o=.whole.o) $<
	$(BPFTOOL) gen object $@ $(@:.o=.whole.o)

$(O)/gen/ebpf.skel.h: $(O)/gen/ebpf.bpf.o
	$(BPFTOOL) gen skeleton $< name ebpf_bpf > $@.tmp && mv $@.tmp $@

# There before it is known who includes it.
$(O)/obj/src/sample/ebpf.o $(O)/lint/src/sample/ebpf.stamp: | $(if $(EBPF),$(O)/gen/ebpf.skel.h)
