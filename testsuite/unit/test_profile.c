/* Profiles and recordings: what goes in comes out; what is cut off or damaged does no harm. */
#include "pywalk_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "folder.h"

static const struct pw_profile_info some_info = {
	.engine = "ptrace",
	.clock = PW_CLOCK_CPU,
	.native = true,
	.memory = true,
	.rate_wished = 99.5,
	.rate_reached = 98.123456,
	.start = 1700000000123456789,
	.duration = 5000,
	.ticks = 1,
	.missed = 2,
	.lost = 3,
	.torn = 4,
	.impossible = 5,
	.pauses = 6,
	.pause_median = 7,
	.pause_p99 = 8,
	.pause_max = UINT64_MAX,
	.own_cpu = 10,
	.complete = true,
};

struct bytes {
	char *at;
	size_t length, room;
	bool refuse;
};

static bool put(void *data, const char *piece, size_t length)
{
	struct bytes *b = data;
	if (b->refuse)
		return false;
	if (b->length + length > b->room) {
		b->room = (b->length + length) * 2;
		b->at = realloc(b->at, b->room);
		assert_non_null(b->at);
	}
	memcpy(b->at + b->length, piece, length);
	b->length += length;
	return true;
}

static struct pw_profile *create(void)
{
	struct pw_profile *profile;
	assert_null(pw_profile_create(&some_info, &profile));
	return profile;
}

static uint32_t add_thread(struct pw_profile *profile, uint64_t tid, const char *name)
{
	const struct pw_profile_process process = {12, -1, "/bin/x", NULL, "x y"};
	struct pw_profile_thread thread = {.tid = tid, .ns_tid = 1, .name = name};
	uint32_t index;
	assert_null(pw_profile_add_process(profile, &process, &thread.process));
	assert_null(pw_profile_add_thread(profile, &thread, &index));
	return index;
}

static uint32_t add_node(struct pw_profile *profile, uint32_t parent, const char *name, int line)
{
	const struct pw_profile_function function = {PW_PROFILE_PYTHON, name, "f.py", NULL, 3};
	struct pw_profile_frame frame = {.line = line};
	struct pw_profile_node node = {.parent = parent};
	uint32_t index;
	assert_null(pw_profile_add_function(profile, &function, &frame.function));
	assert_null(pw_profile_add_frame(profile, &frame, &node.frame));
	assert_null(pw_profile_add_node(profile, &node, &index));
	return index;
}

static void add_sample(struct pw_profile *profile, uint64_t time, uint32_t thread, uint32_t node)
{
	const struct pw_profile_sample sample = {time,	 77,   time % 2 ? 1ull << 40 : 5,
						 thread, node, PW_SAMPLE_GIL};
	assert_null(pw_profile_add_sample(profile, &sample));
}

static void fill(struct pw_profile *profile, unsigned samples)
{
	uint32_t a = add_thread(profile, 5, "main"), b = add_thread(profile, 6, NULL);
	for (unsigned i = 0; i < samples; i++) {
		uint32_t outer = add_node(profile, 0, i % 2 ? "f" : "g\xc3\xbc", (int)i % 5);
		uint32_t inner = add_node(profile, outer, "h", -1);
		add_sample(profile, i * 10ull, i % 3 ? a : b, i % 4 ? inner : outer);
	}
}

static void assert_text(const char *a, const char *b)
{
	if (!a || !b)
		assert_ptr_equal(a, b);
	else
		assert_string_equal(a, b);
}

static void assert_same_tables(const struct pw_profile *a, const struct pw_profile *b)
{
	assert_int_equal(pw_profile_process_count(a), pw_profile_process_count(b));
	for (size_t i = 0; i < pw_profile_process_count(a); i++) {
		const struct pw_profile_process *x = pw_profile_process(a, i),
						*y = pw_profile_process(b, i);
		assert_int_equal(x->pid, y->pid);
		assert_int_equal(x->parent, y->parent);
		assert_text(x->executable, y->executable);
		assert_text(x->python, y->python);
		assert_text(x->command, y->command);
	}
	assert_int_equal(pw_profile_thread_count(a), pw_profile_thread_count(b));
	for (size_t i = 0; i < pw_profile_thread_count(a); i++) {
		const struct pw_profile_thread *x = pw_profile_thread(a, i),
					       *y = pw_profile_thread(b, i);
		assert_int_equal(x->process, y->process);
		assert_int_equal(x->tid, y->tid);
		assert_int_equal(x->ns_tid, y->ns_tid);
		assert_text(x->name, y->name);
		assert_text(x->kernel_name, y->kernel_name);
	}
	assert_int_equal(pw_profile_function_count(a), pw_profile_function_count(b));
	for (size_t i = 0; i < pw_profile_function_count(a); i++) {
		const struct pw_profile_function *x = pw_profile_function(a, i),
						 *y = pw_profile_function(b, i);
		assert_int_equal(x->kind, y->kind);
		assert_text(x->name, y->name);
		assert_text(x->file, y->file);
		assert_text(x->module, y->module);
		assert_int_equal(x->first_line, y->first_line);
	}
	assert_int_equal(pw_profile_frame_count(a), pw_profile_frame_count(b));
	for (size_t i = 0; i < pw_profile_frame_count(a); i++)
		assert_memory_equal(pw_profile_frame(a, i), pw_profile_frame(b, i),
				    sizeof(struct pw_profile_frame));
	assert_int_equal(pw_profile_node_count(a), pw_profile_node_count(b));
	for (size_t i = 1; i < pw_profile_node_count(a); i++)
		assert_memory_equal(pw_profile_node(a, i), pw_profile_node(b, i),
				    sizeof(struct pw_profile_node));
}

static void assert_same_info(const struct pw_profile_info *a, const struct pw_profile_info *b)
{
	struct pw_profile_info x = *a, y = *b;
	assert_string_equal(x.engine, y.engine);
	assert_true(x.rate_wished - y.rate_wished < 1e-6 && y.rate_wished - x.rate_wished < 1e-6);
	assert_true(x.rate_reached - y.rate_reached < 1e-6 &&
		    y.rate_reached - x.rate_reached < 1e-6);
	x.engine = y.engine = NULL;
	x.rate_wished = y.rate_wished = x.rate_reached = y.rate_reached = 0;
	x.complete = y.complete = true;
	assert_memory_equal(&x, &y, sizeof(x));
}

static void assert_same(const struct pw_profile *a, const struct pw_profile *b)
{
	assert_same_tables(a, b);
	assert_same_info(pw_profile_info(a), pw_profile_info(b));
	assert_int_equal(pw_profile_sample_count(a), pw_profile_sample_count(b));
	for (size_t i = 0; i < pw_profile_sample_count(a); i++) {
		const struct pw_profile_sample *x = pw_profile_sample(a, i),
					       *y = pw_profile_sample(b, i);
		assert_int_equal(x->time, y->time);
		assert_int_equal(x->weight, y->weight);
		assert_int_equal(x->resident, y->resident);
		assert_int_equal(x->thread, y->thread);
		assert_int_equal(x->node, y->node);
		assert_int_equal(x->flags, y->flags);
	}
}

/* What the last reading complained of. */
static char complaint[5000];

static void note(void *data, const char *message)
{
	snprintf(complaint, sizeof(complaint), "%s", message);
}

/* NULL: it was refused. */
static struct pw_profile *read_bytes(const char *bytes, size_t length)
{
	struct pw_profile *profile;
	complaint[0] = 0;
	write_file(in_folder("r"), bytes, length);
	struct pw_error *error = pw_recording_read(in_folder("r"), note, NULL, &profile);
	if (!error)
		return profile;
	assert_int_equal(pw_error_code(error), PW_ERROR_FORMAT);
	pw_error_destroy(error);
	return NULL;
}

static void test_equal_ones_are_one(void **state)
{
	struct pw_profile *profile = create();
	uint32_t first = add_node(profile, 0, "f", 1);
	assert_int_equal(add_node(profile, 0, "f", 1), first);
	assert_int_equal(pw_profile_function_count(profile), 1);
	add_node(profile, 0, "f", 2);
	assert_int_equal(pw_profile_function_count(profile), 1);
	assert_int_equal(pw_profile_frame_count(profile), 2);
	add_node(profile, first, "f", 1);
	assert_int_equal(pw_profile_frame_count(profile), 2);
	assert_int_equal(pw_profile_node_count(profile), 4);
	uint32_t thread = add_thread(profile, 5, NULL);
	assert_int_equal(add_thread(profile, 5, "later"), thread);
	assert_int_equal(add_thread(profile, 5, NULL), thread);
	assert_string_equal(pw_profile_thread(profile, thread)->name, "later");
	pw_profile_destroy(profile);
	pw_profile_destroy(NULL);
}

static void refused(struct pw_error *error)
{
	assert_non_null(error);
	assert_int_equal(pw_error_code(error), PW_ERROR_USAGE);
	pw_error_destroy(error);
}

static void test_numbers_that_are_none(void **state)
{
	struct pw_profile *profile = create();
	uint32_t index;
	refused(pw_profile_add_thread(profile, &(struct pw_profile_thread){0}, &index));
	refused(pw_profile_add_frame(profile, &(struct pw_profile_frame){0}, &index));
	refused(pw_profile_add_node(profile, &(struct pw_profile_node){0}, &index));
	refused(pw_profile_add_sample(profile, &(struct pw_profile_sample){0}));
	uint32_t thread = add_thread(profile, 5, NULL), node = add_node(profile, 0, "f", 1);
	refused(pw_profile_add_node(profile, &(struct pw_profile_node){.parent = node + 1},
				    &index));
	refused(pw_profile_add_sample(
		profile, &(struct pw_profile_sample){.thread = thread, .node = node + 1}));
	add_sample(profile, 10, thread, node);
	refused(pw_profile_add_sample(profile,
				      &(struct pw_profile_sample){.time = 9, .thread = thread}));
	refused(pw_profile_write(profile, "nonsense", put, NULL));
	pw_profile_destroy(profile);
}

static void test_round_trip(void **state)
{
	for (unsigned samples = 0; samples < 40000; samples = samples * 3 + 1) {
		struct pw_profile *profile = create();
		struct bytes bytes = {0};
		fill(profile, samples);
		assert_null(pw_recording_write(profile, put, &bytes));
		struct pw_profile *again = read_bytes(bytes.at, bytes.length);
		assert_non_null(again);
		assert_string_equal(complaint, "");
		assert_true(pw_profile_info(again)->complete);
		assert_same(profile, again);
		pw_profile_destroy(profile);
		pw_profile_destroy(again);
		free(bytes.at);
	}
}

/* A copy of what was cut off does not read as if it were whole; nor does one of several. */
static void test_copy_of_a_cut_one(void **state)
{
	struct pw_profile *profile = create();
	struct bytes bytes = {0};
	fill(profile, 40);
	assert_null(pw_recording_write(profile, put, &bytes));
	struct pw_profile *cut = read_bytes(bytes.at, bytes.length - 1), *made[2];
	assert_false(pw_profile_info(cut)->complete);
	const struct pw_profile_filter filter = {.size = sizeof(filter)};
	assert_null(pw_profile_filter(cut, &filter, &made[0]));
	const struct pw_profile *const both[] = {profile, cut};
	assert_null(
		pw_profile_merge(both, (const char *const[]){"a", "b"}, 2, NULL, NULL, &made[1]));
	for (size_t i = 0; i < 2; i++) {
		/* A copy of the copy too. */
		for (unsigned times = 0; times < 2; times++) {
			struct bytes copy = {0};
			assert_null(pw_recording_write(made[i], put, &copy));
			size_t samples = pw_profile_sample_count(made[i]);
			pw_profile_destroy(made[i]);
			made[i] = read_bytes(copy.at, copy.length);
			assert_non_null(made[i]);
			assert_false(pw_profile_info(made[i])->complete);
			assert_non_null(strstr(complaint, "that it was made of was cut off"));
			assert_int_equal(pw_profile_sample_count(made[i]), samples);
			free(copy.at);
		}
		pw_profile_destroy(made[i]);
	}
	pw_profile_destroy(cut);
	pw_profile_destroy(profile);
	free(bytes.at);
}

/* Flushed while it grows, its samples forgotten: the file has all. */
static void test_grows(void **state)
{
	struct pw_profile *whole = create(), *profile = create();
	struct pw_recording *recording;
	struct bytes bytes = {0};
	assert_null(pw_recording_begin(profile, put, &bytes, &recording));
	uint32_t thread = add_thread(profile, 5, NULL), same = add_thread(whole, 5, NULL);
	for (unsigned i = 0; i < 100; i++) {
		add_sample(profile, i, thread, add_node(profile, 0, "f", (int)i / 10));
		add_sample(whole, i, same, add_node(whole, 0, "f", (int)i / 10));
		if (i % 7 == 0)
			assert_null(pw_recording_flush(recording, true));
		if (i % 14 == 0)
			assert_int_equal(pw_profile_sample_count(profile), 0);
		if (i == 50) {
			add_thread(profile, 5, "named");
			add_thread(whole, 5, "named");
		}
	}
	assert_null(pw_recording_end(recording));
	struct pw_profile *again = read_bytes(bytes.at, bytes.length);
	assert_non_null(again);
	assert_same(whole, again);
	pw_profile_destroy(whole);
	pw_profile_destroy(profile);
	pw_profile_destroy(again);
	free(bytes.at);
}

/* More bytes never tell less; what was flushed is there. */
static void test_cut_off(void **state)
{
	struct pw_profile *profile = create();
	struct pw_recording *recording;
	struct bytes bytes = {0};
	size_t flushed[6] = {0}, known = 0;
	uint32_t thread = add_thread(profile, 5, "main");
	assert_null(pw_recording_begin(profile, put, &bytes, &recording));
	for (unsigned i = 0; i < 50; i++) {
		add_sample(profile, i, thread, add_node(profile, 0, "f", (int)i));
		if (i % 10 == 9) {
			assert_null(pw_recording_flush(recording, false));
			flushed[i / 10] = bytes.length;
		}
	}
	assert_null(pw_recording_end(recording));
	flushed[5] = SIZE_MAX;
	for (size_t length = 0; length <= bytes.length; length++) {
		struct pw_profile *part = read_bytes(bytes.at, length);
		if (!part) {
			assert_true(length < 12);
			continue;
		}
		if (length >= flushed[known])
			known++;
		assert_int_equal(pw_profile_sample_count(part), known * 10);
		assert_int_equal(pw_profile_info(part)->complete, length == bytes.length);
		assert_int_equal(complaint[0] == 0, length == bytes.length);
		pw_profile_destroy(part);
	}
	assert_int_equal(known, 5);
	pw_profile_destroy(profile);
	free(bytes.at);
}

static uint32_t crc(const char *bytes, size_t length)
{
	uint32_t value = ~0u;
	for (size_t i = 0; i < length; i++) {
		value ^= (uint8_t)bytes[i];
		for (int bit = 0; bit < 8; bit++)
			value = value >> 1 ^ (value & 1 ? 0xedb88320 : 0);
	}
	return ~value;
}

/* Damage, with checksums that are right again: what a person with bad intent would write. */
static void test_damaged(void **state)
{
	struct pw_profile *profile = create();
	struct bytes bytes = {0};
	uint32_t random = 1;
	fill(profile, 40);
	assert_null(pw_recording_write(profile, put, &bytes));
	for (int round = 0; round < 4000; round++) {
		char *copy = malloc(bytes.length);
		memcpy(copy, bytes.at, bytes.length);
		for (int i = 0; i < 2; i++) {
			random = random * 1664525 + 1013904223;
			copy[12 + (random >> 8) % (bytes.length - 12)] = (char)(random >> 24);
		}
		for (size_t at = 12; round % 4 && at + 8 <= bytes.length;) {
			uint32_t length, sum;
			memcpy(&length, copy + at, 4);
			if (!length || length > bytes.length - at - 8)
				break;
			sum = crc(copy + at + 8, length);
			memcpy(copy + at + 4, &sum, 4);
			at += 8 + length;
		}
		struct pw_profile *read = read_bytes(copy, bytes.length);
		assert_non_null(read);
		for (size_t i = 1; i < pw_profile_node_count(read); i++)
			assert_true(pw_profile_node(read, i)->parent < i);
		struct bytes out = {0};
		assert_null(pw_profile_write(read, "collapsed", put, &out));
		free(out.at);
		pw_profile_destroy(read);
		free(copy);
	}
	pw_profile_destroy(profile);
	free(bytes.at);
}

static void test_output_that_fails(void **state)
{
	struct pw_profile *profile = create();
	struct pw_recording *recording;
	struct bytes bytes = {0};
	fill(profile, 10);
	assert_null(pw_recording_begin(profile, put, &bytes, &recording));
	bytes.refuse = true;
	add_sample(profile, 1000, 0, 0);
	struct pw_error *error = pw_recording_flush(recording, true);
	assert_int_equal(pw_error_code(error), PW_ERROR_IO);
	pw_error_destroy(error);
	/* Nothing was lost of what is in memory. */
	assert_int_equal(pw_profile_sample_count(profile), 11);
	error = pw_recording_end(recording);
	assert_int_equal(pw_error_code(error), PW_ERROR_IO);
	pw_error_destroy(error);
	error = pw_recording_write(profile, put, &bytes);
	assert_int_equal(pw_error_code(error), PW_ERROR_IO);
	pw_error_destroy(error);
	pw_profile_destroy(profile);
	free(bytes.at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_ones_are_one),
		cmocka_unit_test(test_numbers_that_are_none),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_copy_of_a_cut_one),
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_output_that_fails),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
