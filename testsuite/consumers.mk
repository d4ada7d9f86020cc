# make consumers: programs that read what pywalk writes, and that others made, for the suite `sample`.
#
# They come from npm, crates.io and Go's proxy into $(O)/consumers, nowhere else.  Each is optional: what cannot be had
# is said by name, and its tests are UNSUPPORTED by name.
#
#   CONSUMERS='speedscope profiler_cli inferno pprof'    only these

CONSUMERS ?=

.PHONY: consumers
consumers:
	@sh $(TESTSUITE)/tools/fetch-consumers '$(O)/consumers' $(CONSUMERS)
