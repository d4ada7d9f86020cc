# Installing pywalk, installing what it is built from, and the demonstration.
#
#   GDBINITDIR=DIR   where GDB looks for scripts at its start; as gdb --configuration says
#   DESTDIR, prefix, bindir, libdir, ... as usual

docdir ?= $(datadir)/doc/pywalk
GDBINITDIR ?= $(or $(shell gdb --configuration 2>/dev/null | \
	sed -n 's/.*--with-system-gdbinit-dir=\([^ ]*\).*/\1/p'),$(sysconfdir)/gdb/gdbinit.d)
CLI_LIBS = $(shell pkg-config --libs ncursesw 2>/dev/null || echo -lncursesw -ltinfo) -pthread

gdb_dir = $(datadir)/pywalk/gdb
python_dir = $(libdir)/pywalk/python
schemas := $(wildcard docs/*.schema.json)
gdb_files := $(shell find gdb -name '*.py')

# SOURCE:DESTINATION of every regular file; install and uninstall read the same list.
INSTALL_PROGRAMS = $(O)/pywalk:$(bindir)/pywalk \
	$(O)/libpywalk.so.$(VERSION):$(libdir)/libpywalk.so.$(VERSION) \
	$(MODULE_DIR)/_pywalk.abi3.so:$(python_dir)/pywalk/_pywalk.abi3.so
INSTALL_DATA = $(foreach h,$(wildcard src/pywalk*.h),$(h):$(includedir)/$(notdir $(h))) \
	$(O)/pywalk.pc:$(libdir)/pkgconfig/pywalk.pc \
	$(O)/pywalk-gdbinit.gdb:$(GDBINITDIR)/pywalk.gdb \
	docs/pywalk.1:$(mandir)/man1/pywalk.1 \
	$(foreach f,$(schemas),$(f):$(datadir)/pywalk/$(notdir $(f))) \
	$(foreach f,$(gdb_files),$(f):$(gdb_dir)/$(f:gdb/%=%)) \
	$(foreach f,$(MODULE_PYTHON),$(f):$(python_dir)/$(f:$(O)/python/%=%)) \
	$(foreach f,README.md LICENSE $(wildcard docs/*.md),$(f):$(docdir)/$(notdir $(f)))
INSTALL_LINKS = libpywalk.so.$(VERSION):$(libdir)/libpywalk.so.$(SOVERSION) \
	libpywalk.so.$(VERSION):$(libdir)/libpywalk.so
# Folders that are ours alone, deepest first.
INSTALL_FOLDERS = $(sort $(foreach f,$(gdb_files),$(dir $(gdb_dir)/$(f:gdb/%=%)))) \
	$(python_dir)/pywalk $(python_dir) $(libdir)/pywalk $(gdb_dir) $(datadir)/pywalk $(docdir)

.PHONY: install
install: all $(O)/pywalk-gdbinit.gdb
	@set -e; for pair in $(INSTALL_PROGRAMS); do \
		install -D -m 755 "$${pair%%:*}" "$(DESTDIR)$${pair#*:}"; done
	@set -e; for pair in $(INSTALL_DATA); do \
		install -D -m 644 "$${pair%%:*}" "$(DESTDIR)$${pair#*:}"; done
	@set -e; for pair in $(INSTALL_LINKS); do \
		ln -sf "$${pair%%:*}" "$(DESTDIR)$${pair#*:}"; done
	@if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" = 0 ]; then ldconfig; fi
	@echo "installed: $(DESTDIR)$(bindir)/pywalk, $(DESTDIR)$(libdir)/libpywalk.so.$(SOVERSION)"
	@echo "GDB loads: $(DESTDIR)$(GDBINITDIR)/pywalk.gdb"

.PHONY: uninstall
uninstall:
	@for pair in $(INSTALL_PROGRAMS) $(INSTALL_DATA) $(INSTALL_LINKS); do \
		rm -f "$(DESTDIR)$${pair#*:}"; done
	@for folder in $(INSTALL_FOLDERS); do \
		rm -rf "$(DESTDIR)$$folder/__pycache__"; done
	@for folder in $(INSTALL_FOLDERS) $(INSTALL_FOLDERS); do \
		rmdir "$(DESTDIR)$$folder" 2>/dev/null || true; done
	@if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" = 0 ]; then ldconfig; fi

.PHONY: FORCE
FORCE:

# Both name folders that may differ from one call of make to the next: written anew, changed if different.
$(O)/pywalk.pc: FORCE
	@mkdir -p $(@D)
	@{ printf 'prefix=%s\nlibdir=%s\nincludedir=%s\n\n' '$(prefix)' '$(libdir)' '$(includedir)'; \
	   printf 'Name: pywalk\nDescription: Python and C frames of a CPython process, from outside\n'; \
	   printf 'Version: %s\nLibs: -L$${libdir} -lpywalk\nCflags: -I$${includedir}\n' '$(VERSION)'; \
	   printf 'Requires.private: %s\nLibs.private: -liberty -ldl -pthread\n' '$(PKGS)'; } > $@.tmp
	@cmp -s $@.tmp $@ && rm $@.tmp || mv $@.tmp $@

$(O)/pywalk-gdbinit.gdb: FORCE
	@mkdir -p $(@D)
	@{ printf '# pywalk: py-mixed-bt, py-bt, py-threads, py-interpreters; see pywalk(1).\n'; \
	   printf 'python import sys; sys.path.append("%s")\n' '$(python_dir)'; \
	   printf 'source %s/pywalk.py\n' '$(gdb_dir)'; } > $@.tmp
	@cmp -s $@.tmp $@ && rm $@.tmp || mv $@.tmp $@

# ---- what has to be there ------------------------------------------------------------------------

.PHONY: deps deps-check deps-lint
deps:
	@sh mk/deps build ebpf
deps-check:
	@sh mk/deps build ebpf check
deps-lint:
	@sh mk/deps build ebpf lint

# ---- demonstration -------------------------------------------------------------------------------

# A make of its own: the tools it asks for at its start are there only after `deps`.
.PHONY: demo
demo: deps
	@echo '==> Building (make all)'
	@$(MAKE) -s --no-print-directory -j"$$(nproc)" all
	@O='$(O)' PYTHON3='$(PYTHON3)' sh demo/demo.sh

# ---- housekeeping --------------------------------------------------------------------------------

.PHONY: clean
clean:
	rm -rf $(O)

.PHONY: help
help:
	@echo 'make             the library, the command pywalk and the Python module, in $(O)/'
	@echo 'make demo        install what is needed, build, and show a mixed backtrace'
	@echo 'make check       all tests'
	@echo 'make lint        formatting, static analysis, the arrows between the layers'
	@echo 'make sanitize    all tests with ASan and UBSan'
	@echo 'make bench       dumps and samplers compared with others (QUICK=1: less); bench-sampling: samplers alone'
	@echo 'make soak        ten minutes of recording what comes and goes; impossible: stacks that cannot have been'
	@echo 'make pythons     fetch and build further interpreters to test on'
	@echo 'make install     prefix=$(prefix), GDB script into GDBINITDIR; DESTDIR is honoured'
	@echo 'make uninstall   remove what install brought'
	@echo 'make deps        install what the build needs; deps-check, deps-lint: what tests and lint need'
	@echo 'make clean       remove $(O)/'
	@echo 'Variables: O=DIR CC=clang SANITIZE=1 PYTHON3=PATH prefix=DIR EBPF= (without the sampling engine ebpf)'
