# make lint: what a machine can say about the sources without running them.
#
# The Python tools come from PyPI at fixed versions, into $(O)/venv; the rest from the distribution
# (make deps-lint).

RUFF_VERSION := 0.8.4
# Knows Python 3.8 still, near the 3.7 that is the oldest we support; later ones do not.
MYPY_VERSION := 1.4.1
GDB_STUBS_VERSION := 12.1.4.20240408

LINT_C := $(filter-out $(EBPF_UNUSED),$(wildcard src/*/*.c offsets/*.c testsuite/unit/*.c testsuite/fuzz/*.c))
LINT_FORMAT := $(wildcard src/*/*.[ch] src/*.h offsets/*.c testsuite/*/*.[ch])
LINT_PYTHON := $(wildcard gdb src/module testsuite mk/check-layers demo/demo.py)
LINT_MYPY := $(wildcard gdb/pywalk_gdb src/module/pywalk mk/check-layers testsuite/tools/*.py testsuite/fuzz/*.py \
	testsuite/bench/*.py)
LINT_SHELL := $(wildcard mk/deps demo/*.sh offsets/*.sh testsuite/pythons/* testsuite/tools/run-suite testsuite/tools/fetch-consumers .ci/run)
LINT_LINES := 600
LINT_SHELL += $(wildcard src/output/*/*.sh)

.PHONY: lint lint-format lint-layers lint-python lint-c lint-docs lint-shell lint-length
lint: lint-layers lint-length lint-docs lint-shell lint-format lint-python lint-c
	@echo 'lint: nothing to complain about'

lint-layers:
	$(PYTHON3) mk/check-layers

lint-length:
	@wc -l $$(find src gdb offsets testsuite mk demo -name '*.[ch]' -o -name '*.py' -o -name '*.exp' \
		-o -name '*.sh' -o -name '*.mk') | \
		awk '$$2 != "total" && $$1 > $(LINT_LINES) { bad = 1; \
			print $$2 ": " $$1 " lines, more than $(LINT_LINES)" } END { exit bad }'

lint-docs:
	mandoc -T lint -W warning $(wildcard docs/*.1)
	@for schema in docs/*.schema.json; do $(PYTHON3) -m json.tool "$$schema" /dev/null || exit 1; done

lint-shell:
	@if command -v shellcheck >/dev/null; then echo shellcheck $(LINT_SHELL); \
		shellcheck $(LINT_SHELL); else echo 'lint: no shellcheck, shell scripts not checked'; fi

lint-format:
	clang-format --dry-run -Werror $(LINT_FORMAT)

$(O)/venv/.done: mk/lint.mk
	$(PYTHON3) -m venv $(O)/venv
	$(O)/venv/bin/pip install -q --disable-pip-version-check ruff==$(RUFF_VERSION) \
		mypy==$(MYPY_VERSION) types-gdb==$(GDB_STUBS_VERSION)
	touch $@

lint-python: $(O)/venv/.done
	$(O)/venv/bin/ruff check --config mk/ruff.toml $(LINT_PYTHON)
	$(O)/venv/bin/ruff format --check --config mk/ruff.toml $(LINT_PYTHON)
	MYPYPATH=src/module:gdb:testsuite/bench:testsuite/tools $(O)/venv/bin/mypy --config-file mk/mypy.ini $(LINT_MYPY)
	$(O)/venv/bin/mypy --config-file mk/mypy.ini gdb/pywalk.py

# Clang's static analyzer; a finding is an error.  Its checker of malloc knows neither the attribute cleanup
# nor uthash's deletion; leaks and uses after free are for `make sanitize` to find.
lint-c: $(patsubst %.c,$(O)/lint/%.stamp,$(LINT_C))

$(O)/lint/src/%.stamp $(O)/lint/offsets/%.stamp: lint_include = -include mk/analyzer.h
$(O)/lint/src/base/error.stamp: lint_include =
$(O)/lint/src/module/%.stamp: CPPFLAGS += $(patsubst -I%,-isystem %,$(PYTHON_INCLUDES))
$(O)/lint/%.stamp: %.c
	@mkdir -p $(@D)
	clang --analyze -Xclang -analyzer-werror -Xclang -analyzer-output=text \
		-Xclang -analyzer-disable-checker=unix.Malloc $(CPPFLAGS) \
		$(lint_include) -Itestsuite/unit -std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter \
		-Wno-unused-command-line-argument -MMD -MP -MF $(@:.stamp=.d) -MT $@ -o /dev/null $<
	@touch $@

-include $(shell find $(O)/lint -name '*.d' 2>/dev/null)
