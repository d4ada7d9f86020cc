# The tests: make check, check-unit, check-SUITE (live core gdb cli layout module native values sample), sanitize, pythons, bench.
# Hostile input, make check-fuzz, has a file of its own: fuzz/fuzz.mk; make consumers too: consumers.mk.
#
#   PYTHONS='A B'    only these interpreters
#   PYWALK_PYTHONS=DIR   where `make pythons` puts its interpreters (~/.cache/pywalk-pythons)
#   RUNTESTFLAGS=    for DejaGnu, for example a file name: RUNTESTFLAGS=long.exp
#   JOBS=N           files of tests at a time (processors and one: many of them wait)
#   KEEP=1           leave the working folders in /tmp
#   QUICK=1 ROUNDS= CASES= PYTHON=   for bench (bench/bench.py)

TESTSUITE := testsuite
T = $(O)/testsuite
SUITES := live core gdb cli layout module native values sample
JOBS ?= $(shell echo $$(($$(nproc) + 1)))
PYTHON_CACHE = $(or $(PYWALK_PYTHONS),$${XDG_CACHE_HOME:-$$HOME/.cache}/pywalk-pythons)
UNIT_SOURCES := $(wildcard $(TESTSUITE)/unit/test_*.c)
UNIT_TESTS := $(patsubst $(TESTSUITE)/unit/%.c,$(O)/testsuite/unit/%,$(UNIT_SOURCES))
TEST_PROGRAMS := $(addprefix $(O)/testsuite/,run-target embed notpython runcode.so probe.so native.so nocfi.so throw.so \
	framepointer.so framepointer-nocfi.so make_profile ebpf_chains)
TEST_PROGRAMS += $(O)/testsuite/shares.so # for pywalk.sample/shares.exp and soak.exp

# The tests' own Python must have jsonschema.  Itself, not what finds it, such as pyenv's scripts: these take as long as
# many a tool.
TEST_PYTHON3 = $(eval TEST_PYTHON3 := $(shell for p in $(PYTHON3) /usr/bin/python3; do \
	"$$p" -c 'import jsonschema, sys; print(sys.executable)' 2>/dev/null && break; done))$(TEST_PYTHON3)

# What is tested of the command line tool: it is in no library.
TOP_OBJECTS := $(addprefix $(O)/obj/src/cli/top_,model.o rows.o detail.o text.o view.o draw.o)
$(O)/testsuite/unit/test_top: unit_objects = $(TOP_OBJECTS)
$(O)/testsuite/unit/test_top: $(TOP_OBJECTS)

$(O)/testsuite/unit/%: $(TESTSUITE)/unit/%.c $(O)/libpywalk.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(unit_objects) $(O)/libpywalk.a -lcmocka $(LIBS)

$(O)/testsuite/run-target: $(TESTSUITE)/tools/run-target.c
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror -o $@ $<

$(O)/testsuite/make_profile $(O)/testsuite/ebpf_chains: $(O)/testsuite/%: $(TESTSUITE)/tools/%.c $(O)/libpywalk.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(O)/libpywalk.a $(LIBS)

$(O)/testsuite/measure: $(TESTSUITE)/bench/measure.c
	@mkdir -p $(@D)
	$(CC) -O1 -g -Wall -Wextra -Werror -D_GNU_SOURCE -o $@ $<

$(O)/testsuite/watch.so: $(TESTSUITE)/bench/watch.c
	@mkdir -p $(@D)
	$(CC) -O2 -g -Wall -Wextra -Werror -D_GNU_SOURCE -shared -fPIC -o $@ $<

$(O)/testsuite/%: $(TESTSUITE)/programs/%.c
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror -o $@ $< -ldl

TEST_SHARED := -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror -shared -fPIC

$(O)/testsuite/framepointer.so $(O)/testsuite/framepointer-nocfi.so: test_flags = -fno-omit-frame-pointer
$(O)/testsuite/framepointer-nocfi.so: test_flags += -fno-asynchronous-unwind-tables -fno-unwind-tables -g0
$(O)/testsuite/framepointer-nocfi.so: $(TESTSUITE)/programs/framepointer.c
	@mkdir -p $(@D)
	$(CC) $(TEST_SHARED) $(test_flags) -o $@ $<

# Arguments are to be where debug information says.
$(O)/testsuite/probe.so: test_flags = -O0

$(O)/testsuite/%.so: $(TESTSUITE)/programs/%.S
	@mkdir -p $(@D)
	$(CC) -shared -o $@ $<

$(O)/testsuite/%.so: $(TESTSUITE)/programs/%.cc
	@mkdir -p $(@D)
	$(CXX) $(TEST_SHARED) -o $@ $<

$(O)/testsuite/%.so: $(TESTSUITE)/programs/%.c
	@mkdir -p $(@D)
	$(CC) $(TEST_SHARED) $(test_flags) -o $@ $< -ldl

# A client of the Debug Adapter Protocol, from PyPI, for pywalk.gdb/newest.exp; which says so when it is not there.
DAP_CLIENT := dap-python==0.5.0

$(O)/testsuite/dap/.done: $(TESTSUITE)/testsuite.mk
	@$(TEST_PYTHON3) -m venv $(@D) && $(@D)/bin/pip install -q --disable-pip-version-check $(DAP_CLIENT) \
		>$(T)/dap.log 2>&1 && touch $@ || echo 'no $(DAP_CLIENT): see $(T)/dap.log'

# A terminal, from PyPI, for pywalk.sample/top.exp; which says so too.
PYTE := pyte==0.8.2 wcwidth==0.2.13

$(O)/testsuite/pyte/.done: $(TESTSUITE)/testsuite.mk
	@$(TEST_PYTHON3) -m venv $(@D) && $(@D)/bin/pip install -q --disable-pip-version-check $(PYTE) \
		>$(T)/pyte.log 2>&1 && touch $@ || echo 'no $(PYTE): see $(T)/pyte.log'

# OpenTelemetry's protocol as it is published, from PyPI, for pywalk.sample/formats2.exp; which says so too.
OTLP_PROTOCOL := opentelemetry-proto==1.45.2

$(O)/consumers/otlp/.done: $(TESTSUITE)/testsuite.mk
	@mkdir -p $(@D) && $(TEST_PYTHON3) -m venv $(@D) && \
		$(@D)/bin/pip install -q --disable-pip-version-check $(OTLP_PROTOCOL) \
		>$(O)/consumers/otlp.log 2>&1 && touch $@ || echo 'no $(OTLP_PROTOCOL): see $(O)/consumers/otlp.log'

.PHONY: consumers
consumers: $(O)/consumers/otlp/.done

.PHONY: test-programs
test-programs: $(TEST_PROGRAMS) $(O)/testsuite/dap/.done $(O)/testsuite/pyte/.done
	@[ -n '$(TEST_PYTHON3)' ] || { echo 'no Python 3 with jsonschema (make deps-check)' >&2; exit 1; }
	@sid="$(PYTHON_CACHE)/sid"; [ ! -e "$$sid/.complete" ] || \
		bash $(TESTSUITE)/pythons/sid-root "$$sid" >/dev/null 2>&1 || true # mounts gone after a reboot
	@$(TEST_PYTHON3) $(TESTSUITE)/tools/find_pythons.py > $(T)/pythons.txt

# ---- one suite each; the result is in files, the exit status only says that it ran ----------------

RUN_UNIT = $(TEST_PYTHON3) $(TESTSUITE)/tools/run_unit.py $(T)/unit.sum $(UNIT_TESTS)
SUITE_ENV = O='$(abspath $(O))' SRCDIR='$(CURDIR)' PYTHON_LIST='$(abspath $(T))/pythons.txt' PYTHON3='$(TEST_PYTHON3)'
RUN_SUITE = sh $(TESTSUITE)/tools/run-suite
SUMMARY = $(TEST_PYTHON3) $(TESTSUITE)/tools/summarize.py

# The files of suites run beside each other, JOBS at a time: the longest first, so that none is alone at the end.
LONGEST := core/cut gdb/unwinder gdb/targets gdb/breaks gdb/everywhere native/random native/mixed gdb/filter cli/watch \
	sample/record gdb/long gdb/variables live/programs core/long cli/corrupt native/blocking native/through \
	cli/subprocesses gdb/json module/module
files_of = $(patsubst $(TESTSUITE)/pywalk.%.exp,%,$(wildcard $(TESTSUITE)/pywalk.$(1)/*.exp))
queue = $(filter $(1),$(LONGEST)) $(filter-out $(LONGEST),$(1))
RUN_FILES = printf '%s\n' $(call queue,$(foreach s,$(1),$(call files_of,$(s)))) | \
	$(SUITE_ENV) xargs -P $(JOBS) -I @ $(RUN_SUITE) @ '$(abspath $(T))'; \
	$(foreach s,$(1),$(RUN_SUITE) --merge $(s) '$(abspath $(T))' $(notdir $(call files_of,$(s)));)

.PHONY: check-unit
check-unit: $(UNIT_TESTS)
	@$(RUN_UNIT)
	@$(SUMMARY) $(T)/unit.sum

.PHONY: $(addprefix check-,$(SUITES))
$(addprefix check-,$(SUITES)): check-%: all $(O)/make-layout test-programs
	@$(if $(RUNTESTFLAGS),$(SUITE_ENV) $(RUN_SUITE) $* '$(abspath $(T))' $(RUNTESTFLAGS),$(call RUN_FILES,$*))
	@$(SUMMARY) $(T)/$*/pywalk.sum

# A make of its own after deps-check: what is detected at its start is there only then.
.PHONY: check
check: deps-check
	@$(MAKE) --no-print-directory check-all

.PHONY: check-all
check-all: all $(O)/make-layout test-programs $(UNIT_TESTS) fuzz-programs
	@rm -f $(T)/*/pywalk.sum $(T)/*/*/pywalk.sum $(T)/unit.sum $(T)/fuzz.sum
	@$(RUN_UNIT)
	@$(RUN_FUZZ)
	@$(call RUN_FILES,$(SUITES))
	@$(SUMMARY) $(T)/unit.sum $(T)/fuzz.sum $(foreach s,$(SUITES),$(T)/$(s)/pywalk.sum)

# Unit tests, and dumps of live processes and cores, with the address and undefined-behaviour sanitizers.
.PHONY: sanitize
sanitize:
	@$(MAKE) --no-print-directory O=$(O)/sanitize SANITIZE=1 sanitize-all

.PHONY: sanitize-all
sanitize-all: $(O)/pywalk $(UNIT_TESTS) test-programs fuzz-programs
	@rm -f $(T)/*/pywalk.sum $(T)/*/*/pywalk.sum $(T)/unit.sum $(T)/fuzz.sum
	@export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:exitcode=99 TIMEOUT_FACTOR=5 \
		UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:exitcode=99; $(RUN_UNIT); $(RUN_FUZZ); \
	$(call RUN_FILES,core cli live)
	@$(SUMMARY) $(T)/unit.sum $(T)/fuzz.sum $(foreach s,core cli live,$(T)/$(s)/pywalk.sum)

.PHONY: pythons
pythons:
	@bash $(TESTSUITE)/pythons/make-pythons

.PHONY: bench
bench: all $(O)/testsuite/measure $(O)/testsuite/watch.so $(O)/testsuite/run-target
	@$(PYTHON3) $(TESTSUITE)/bench/bench.py '$(O)'
	@$(PYTHON3) $(TESTSUITE)/bench/sampling.py '$(O)'

.PHONY: bench-sampling
bench-sampling: all $(O)/testsuite/run-target
	@$(PYTHON3) $(TESTSUITE)/bench/sampling.py '$(O)'

# Of pywalk record alone, over every interpreter and engine; minutes: options by IMPOSSIBLE= and SOAK=.
.PHONY: impossible
impossible: all $(O)/testsuite/run-target
	@$(PYTHON3) $(TESTSUITE)/bench/impossible.py '$(O)' $(IMPOSSIBLE)

.PHONY: soak
soak: all $(O)/testsuite/run-target
	@$(PYTHON3) $(TESTSUITE)/bench/soak.py '$(O)' $(SOAK)
