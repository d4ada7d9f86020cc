/*
 * Reads that do not come from a process or core: a reader that answers from an array, the copies of
 * a snapshot; mapping lists, and paths under another root.
 */
#include "target/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "folder.h"

enum { PAGE = 4096 };

/* ---- a reader, snapshots ---- */

struct memory {
	uint8_t bytes[8 * PAGE]; /* at 0x1000 */
	size_t good;		 /* readable bytes */
	unsigned calls;
};

static bool read_memory(void *data, uint64_t address, void *buffer, size_t length)
{
	struct memory *memory = data;
	memory->calls++;
	if (address < 0x1000 || address - 0x1000 + length > memory->good)
		return false;
	memcpy(buffer, memory->bytes + (address - 0x1000), length);
	return true;
}

static struct pw_target *open_memory(struct memory *memory)
{
	static const struct pw_reader_mapping mappings[] = {
		{.start = 0x1000, .end = 0x1000 + 8 * PAGE, .writable = true},
	};
	struct pw_reader reader = {
		.size = sizeof(reader),
		.read = read_memory,
		.data = memory,
		.mappings = mappings,
		.mapping_count = 1,
	};
	for (size_t i = 0; i < sizeof(memory->bytes); i++)
		memory->bytes[i] = (uint8_t)(i / 7);
	struct pw_target *target;
	assert_null(pw_target_open_callback(&reader, NULL, &target));
	return target;
}

/* The same memory as a target whose pages are copied. */
struct paged {
	struct pw_target base;
	struct memory *memory;
};

static struct pw_error *read_pages(struct pw_target *target, uint64_t address, void *buffer,
				   size_t length, size_t *ret_done, enum pw_supplier *ret_supplier)
{
	struct memory *memory = ((struct paged *)target)->memory;
	*ret_supplier = PW_SUPPLIER_PROCESS;
	*ret_done = 0;
	if (address - 0x1000 < memory->good)
		*ret_done = memory->good - (address - 0x1000);
	if (*ret_done > length)
		*ret_done = length;
	return read_memory(memory, address, buffer, *ret_done) || !*ret_done ? NULL
									     : &pw_error_nomem;
}

static void destroy_paged(struct pw_target *target)
{
	free(target);
}

static struct pw_target *open_paged(struct memory *memory)
{
	static const struct pw_target_ops ops = {
		.kind = "process", .read = read_pages, .destroy = destroy_paged};
	struct paged *paged = calloc(1, sizeof(*paged));
	paged->base.ops = &ops;
	paged->memory = memory;
	for (size_t i = 0; i < sizeof(memory->bytes); i++)
		memory->bytes[i] = (uint8_t)(i / 7);
	return &paged->base;
}

static void test_callback(void **state)
{
	struct memory memory = {.good = 3 * PAGE + 100};
	struct pw_target *target = open_memory(&memory);
	uint8_t bytes[8 * PAGE];
	size_t done;
	enum pw_supplier supplier;
	assert_null(pw_read_some(target, 0x1000, bytes, 8 * PAGE, &done, &supplier));
	assert_int_equal(done, 3 * PAGE);
	assert_int_equal(supplier, PW_SUPPLIER_CALLBACK);
	assert_memory_equal(bytes, memory.bytes, done);
	assert_null(pw_read(target, 0x1000 + 3 * PAGE + 92, bytes, 8));

	struct pw_reader_thread threads[] = {{.tid = 9, .stack_pointer = 5, .name = "x\x01"},
					     {.tid = 3, .thread_pointer = 4}};
	assert_null(pw_callback_set_threads(target, threads, 2));
	assert_int_equal(target->lwps[0].tid, 3);
	assert_int_equal(target->lwps[0].regs.thread_pointer, 4);
	assert_int_equal(target->lwps[1].regs.sp, 5);
	pw_target_destroy(target);
}

static void test_snapshot(void **state)
{
	struct memory memory = {.good = 3 * PAGE + 100};
	struct pw_target *target = open_paged(&memory);
	uint8_t bytes[8 * PAGE], before = memory.bytes[10];
	enum pw_supplier supplier;
	size_t done;
	assert_null(pw_snapshot_begin(target));
	assert_null(pw_read(target, 0x1000, bytes, 100));
	unsigned calls = memory.calls;
	memory.bytes[10] = (uint8_t)~before;
	assert_null(pw_read_some(target, 0x1000 + 10, bytes, 1, &done, &supplier));
	assert_int_equal(bytes[0], before);
	assert_int_equal(supplier, PW_SUPPLIER_SNAPSHOT);
	assert_int_equal(memory.calls, calls);

	/* Over the pages that are kept into one that cannot be read whole. */
	assert_null(pw_read(target, 0x1000 + PAGE - 4, bytes, 2 * PAGE + 104));
	assert_memory_equal(bytes, memory.bytes + PAGE - 4, 2 * PAGE + 104);
	struct pw_error *error = pw_read(target, 0x1000 + 2 * PAGE, bytes, 6 * PAGE);
	assert_int_equal(pw_error_code(error), PW_ERROR_UNREADABLE);
	pw_error_destroy(error);
	pw_snapshot_end(target);
	assert_null(pw_read(target, 0x1000 + 10, bytes, 1));
	assert_int_equal(bytes[0], (uint8_t)~before);
	pw_target_destroy(target);
}

/* ---- mappings, paths ---- */

static void test_mappings(void **state)
{
	struct memory memory = {.good = 0};
	struct pw_target *target = open_memory(&memory);
	assert_null(pw_target_add_mapping(
		target, &(struct pw_mapping){.start = 0x100000, .end = 0x101000}));
	assert_null(pw_target_add_mapping(target,
					  &(struct pw_mapping){.start = 0x50000, .end = 0x60000}));
	/* Overlaps are cut to what is new. */
	assert_null(pw_target_add_mapping(
		target, &(struct pw_mapping){.start = 0x58000, .end = 0x200000, .offset = 1}));
	assert_null(pw_target_add_mapping(target, &(struct pw_mapping){.start = 9, .end = 9}));
	assert_int_equal(target->mapping_count, 4);
	assert_int_equal(pw_target_mapping(target, 0x60000)->start, 0x60000);
	assert_int_equal(pw_target_mapping(target, 0x60000)->offset, 0x8001);
	assert_int_equal(pw_target_mapping(target, 0xfffff)->end, 0x100000);
	assert_int_equal(pw_target_mapping(target, 0x100fff)->start, 0x100000);
	assert_null(pw_target_mapping(target, 0x101000));
	assert_null(pw_target_mapping(target, 0));
	assert_null(pw_target_mapping(target, UINT64_MAX));
	pw_target_destroy(target);
}

static void expect_host_path(struct pw_target *target, const char *path, const char *expected)
{
	char *host = pw_target_host_path(target, path);
	if (expected)
		assert_string_equal(host, expected);
	else
		assert_null(host);
	free(host);
}

static void test_host_paths(void **state)
{
	struct memory memory = {.good = 0};
	struct pw_target *target = open_memory(&memory);
	mkdir(in_folder("root"), 0700);
	mkdir(in_folder("root/usr"), 0700);
	write_file(in_folder("root/usr/file"), "x", 1);
	assert_return_code(symlink("/usr/file", in_folder("root/absolute")), 0);
	assert_return_code(symlink("../../../../usr", in_folder("root/up")), 0);
	assert_return_code(symlink("loop", in_folder("root/loop")), 0);
	free(target->root);
	target->root = strdup(in_folder("root"));
	const char *file = in_folder("root/usr/file");
	expect_host_path(target, "/usr/file", file);
	expect_host_path(target, "//usr/./file", file);
	expect_host_path(target, "/absolute", file);
	expect_host_path(target, "/up/file", file);
	expect_host_path(target, "/usr/../../../usr/file", file);
	expect_host_path(target, "/loop", NULL);
	expect_host_path(target, "/usr", NULL);
	expect_host_path(target, "/usr/none", NULL);
	expect_host_path(target, "usr/file", NULL);
	expect_host_path(target, NULL, NULL);
	pw_target_destroy(target);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_callback),
		cmocka_unit_test(test_snapshot),
		cmocka_unit_test(test_mappings),
		cmocka_unit_test(test_host_paths),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
