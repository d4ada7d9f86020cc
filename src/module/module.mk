# The Python package `pywalk` with its extension `_pywalk`, built against the limited API: one binary for
# every CPython from 3.7 on.  Any CPython's headers do.
#
#   PYTHON3=PATH           whose headers to use
#   PYTHON_INCLUDES=-I...  or the flags themselves

# The first of these that has its headers installed.
python_include := import os, sys, sysconfig; \
	d = sysconfig.get_paths()["include"]; \
	sys.version_info >= (3, 7) and os.path.exists(d + "/Python.h") and print("-I" + d)
ifeq ($(origin PYTHON_INCLUDES),undefined)
# Asked once, and only when the module is built.
PYTHON_INCLUDES = $(eval PYTHON_INCLUDES := $(shell for p in "$(PYTHON3)" /usr/bin/python3; do \
	flags=$$("$$p" -c '$(python_include)' 2>/dev/null) && [ -n "$$flags" ] && echo "$$flags" && break; \
	done))$(PYTHON_INCLUDES)
endif

MODULE_DIR := $(O)/python/pywalk
MODULE_SOURCES := $(wildcard src/module/*.c)
MODULE_OBJECTS := $(patsubst %.c,$(O)/obj/%.o,$(MODULE_SOURCES))
MODULE_PYTHON := $(patsubst src/module/%,$(O)/python/%,$(wildcard src/module/pywalk/*.py \
	src/module/pywalk/*.pyi src/module/pywalk/py.typed))

.PHONY: module
module: $(MODULE_DIR)/_pywalk.abi3.so $(MODULE_PYTHON)

# The headers of CPython are not ours to warn about.
$(O)/obj/src/module/%.o: CPPFLAGS += $(patsubst -I%,-isystem %,$(module_includes))
$(O)/obj/src/module/%.o: module_includes = $(if $(PYTHON_INCLUDES),$(PYTHON_INCLUDES),$(error \
	no Python.h found: install python3-dev, or set PYTHON3= to a Python that has its headers))

# Found beside libpywalk.so both in the build tree (build/python/pywalk) and installed
# (lib/pywalk/python/pywalk).
$(MODULE_DIR)/_pywalk.abi3.so: $(MODULE_OBJECTS) $(O)/libpywalk.so
	@mkdir -p $(@D)
	$(CC) -shared $(LDFLAGS) -o $@ $(MODULE_OBJECTS) -L$(O) -lpywalk \
		-Wl,-rpath,'$$ORIGIN/../..:$$ORIGIN/../../..'

$(MODULE_PYTHON): $(O)/python/%: src/module/%
	@mkdir -p $(@D)
	cp $< $@
