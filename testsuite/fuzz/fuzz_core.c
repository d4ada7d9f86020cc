/*
 * A whole core: opened, its threads captured, everything written.  Input: the core.  With libFuzzer
 * half of the new inputs come from core_mutations.c.
 */
#include "fuzz.h"

#include "core_mutations.h"
#include "pywalk.h"

enum { MAX_SIZE = 1 << 20 };

/* libFuzzer's; not there in a program without it. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max) __attribute__((weak));
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	if (seed % 2 && size)
		return core_mutate(data, size, seed);
	return LLVMFuzzerMutate ? LLVMFuzzerMutate(data, size, max) : size;
}

static bool drop(void *data, const char *piece, size_t length)
{
	size_t *total = data;
	FUZZ_EXPECT(piece || !length);
	*total += length;
	return true;
}

static void write_all(const struct pw_session *session, const struct pw_dump *dump)
{
	static const char *const formats[] = {"text", "json"};
	for (size_t i = 0; i < 2; i++) {
		size_t total = 0;
		struct pw_error *error = pw_dump_write(session, dump, formats[i], 0, drop, &total);
		FUZZ_EXPECT(!error && total);
		error = pw_session_write_info(session, dump, formats[i], 0, drop, &total);
		FUZZ_EXPECT(!error);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > MAX_SIZE)
		return 0;
	const struct pw_options options = {
		.size = sizeof(options), .sysroot = FUZZ_NO_ROOT, .debug_dir = FUZZ_NO_ROOT};
	struct pw_session *session;
	struct pw_error *error = pw_session_open_core(fuzz_file(0, data, size), &options, &session);
	if (error) {
		FUZZ_EXPECT(pw_error_message(error)[0]);
		pw_error_destroy(error);
		return 0;
	}
	const struct pw_capture_options capture = {
		.size = sizeof(capture),
		.native_only_threads = true,
		/* With and without: its own bytes decide, so that the same input does the same. */
		.native = (enum pw_native)(data[size / 2] % (PW_NATIVE_ALL + 1)),
	};
	struct pw_dump *dump;
	error = pw_session_capture(session, &capture, &dump);
	if (!error) {
		write_all(session, dump);
		pw_dump_destroy(dump);
	}
	pw_error_destroy(error);
	pw_session_close(session);
	return 0;
}
