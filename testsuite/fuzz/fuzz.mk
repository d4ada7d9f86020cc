# Hostile input: coverage-guided fuzzing of the readers, and damaged cores.
#
#   make fuzz         libFuzzer on each target: FUZZ_SECONDS=N in all (600), FUZZ_TARGETS='elf lines'
#   make mutate       pywalk on MUTATIONS=N (10000) damaged cores, MUTATE_SEED=N on
#   make check-fuzz   what belongs to make check: each target over its corpus, 200 damaged cores
#
# What is found stays in $(O)/fuzz/found.  testsuite/fuzz/README.md says how to go on from there.

FUZZ := $(TESTSUITE)/fuzz
FUZZ_SECONDS ?= 600
FUZZ_ALL := $(patsubst $(FUZZ)/fuzz_%.c,%,$(filter-out %/fuzz_main.c,$(wildcard $(FUZZ)/fuzz_*.c)))
FUZZ_TARGETS ?= $(FUZZ_ALL)
MUTATIONS ?= 10000
MUTATE_SEED ?= 1
F = $(O)/testsuite/fuzz
# Ours, or none: libFuzzer brings its own.  The same programs run what is known where there is no clang.
FUZZ_MAIN ?= $(FUZZ)/fuzz_main.c

$(O)/testsuite/fuzz/fuzz_core: $(FUZZ)/core_mutations.c
$(O)/testsuite/fuzz/fuzz_%: $(FUZZ)/fuzz_%.c $(FUZZ_MAIN) $(wildcard $(FUZZ)/*.h) $(O)/libpywalk.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -I$(FUZZ) $(filter-out -MMD -MP,$(CFLAGS)) $(LDFLAGS) -o $@ $(filter %.c,$^) \
		$(O)/libpywalk.a $(LIBS)

$(O)/testsuite/fuzz/mutate_core: $(FUZZ)/mutate_core.c $(FUZZ)/core_mutations.c $(FUZZ)/core_mutations.h
	@mkdir -p $(@D)
	$(CC) -O2 -g -Wall -Wextra -Werror -o $@ $(filter %.c,$^)

# The corpus, unpacked: what is in the tree is small, fuzzing wants files.
$(O)/fuzz/corpus/.done: $(FUZZ)/unpack_corpus.py $(wildcard $(FUZZ)/corpus/*)
	@rm -rf $(@D)
	@$(PYTHON3) $(FUZZ)/unpack_corpus.py $(FUZZ)/corpus $(@D)
	@touch $@

# ---- make check ----------------------------------------------------------------------------------

FUZZ_PROGRAMS := $(FUZZ_ALL:%=$(O)/testsuite/fuzz/fuzz_%)
MUTATE = $(TEST_PYTHON3) $(FUZZ)/mutate_cores.py --schema docs/pywalk-dump.schema.json --pywalk $(O)/pywalk --mutate $(F)/mutate_core \
	--cores $(O)/fuzz/corpus/core --found $(O)/fuzz/found $(if $(filter 1,$(SANITIZE)),--sanitized)
RUN_FUZZ = $(PYTHON3) $(FUZZ)/run_corpus.py $(T)/fuzz.sum $(O)/fuzz/corpus $(FUZZ_PROGRAMS) \
	-- "200 damaged cores" $(MUTATE) --count 200 \
	-- "the harness finds what is wrong" $(PYTHON3) $(FUZZ)/test_harness.py $(F)/mutate_core

.PHONY: fuzz-programs
fuzz-programs: $(FUZZ_PROGRAMS) $(F)/mutate_core $(O)/fuzz/corpus/.done

.PHONY: check-fuzz
check-fuzz: $(O)/pywalk fuzz-programs
	@$(RUN_FUZZ)
	@$(SUMMARY) $(T)/fuzz.sum

# ---- by hand -------------------------------------------------------------------------------------

FUZZ_FLAGS := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
FUZZ_BUILD = $(MAKE) --no-print-directory O=$(O)/fuzz CC=clang FUZZ_MAIN= LDFLAGS='$(FUZZ_FLAGS)' \
	CFLAGS='$(FUZZ_FLAGS) -fsanitize=fuzzer-no-link' LIBS='$(LIBS) -fsanitize=fuzzer'

.PHONY: deps-fuzz
deps-fuzz:
	@sh mk/deps build fuzz

.PHONY: fuzz
fuzz: deps-fuzz $(O)/fuzz/corpus/.done
	+@$(FUZZ_BUILD) $(FUZZ_TARGETS:%=$(O)/fuzz/testsuite/fuzz/fuzz_%)
	@$(PYTHON3) $(FUZZ)/run_fuzz.py --programs $(O)/fuzz/testsuite/fuzz --corpus $(O)/fuzz/corpus \
		--work $(O)/fuzz/work --found $(O)/fuzz/found --seconds $(FUZZ_SECONDS) $(FUZZ_TARGETS)

.PHONY: mutate
mutate: $(O)/pywalk $(F)/mutate_core $(O)/fuzz/corpus/.done
	@$(MUTATE) --count $(MUTATIONS) --first $(MUTATE_SEED)

# ---- seed cores ----------------------------------------------------------------------------------

$(O)/testsuite/fuzz/record_reads: $(FUZZ)/record_reads.c $(CLI_OBJECTS) $(O)/libpywalk.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -Wl,--wrap=pw_target_open_core -o $@ $< $(CLI_OBJECTS) \
		$(O)/libpywalk.a $(LIBS) $(CLI_LIBS)
