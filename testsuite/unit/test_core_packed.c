/* Packed cores and crash reports, made by the real tools or byte by byte, whole, cut and damaged;
 * and the cache that cores are read through. */
#include "target/core_cache.h"
#include "target/core_unpack.h"
#include "target/target.h"

#include <elf.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "folder.h"

enum { PAGE = 4096, SIZE = 40 * PAGE + 100 };

/* Begins as an ELF file; of the pages that follow, two of three are zero. */
static uint8_t content[SIZE];

static int set_up(void **state)
{
	uint32_t seed = 1;
	for (size_t i = 0; i < SIZE; i++) {
		seed = seed * 1664525 + 1013904223;
		content[i] = i / PAGE % 3 ? 0 : (uint8_t)(seed >> 24);
	}
	memcpy(content, ELFMAG, SELFMAG);
	return make_folder(state);
}

/* ---- unpacking ---- */

static struct pw_error *unpack(const char *path, struct core_unpacked *ret)
{
	int fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	struct pw_error *error = core_unpack(fd, path, ret);
	close(fd);
	return error;
}

static void release(struct core_unpacked *unpacked)
{
	if (unpacked->fd >= 0)
		close(unpacked->fd);
	free(unpacked->executable);
	free(unpacked->trouble);
}

/* How many bytes were unpacked, all of which have to be right. */
static size_t check_content(const struct core_unpacked *unpacked)
{
	static uint8_t bytes[SIZE + 1];
	ssize_t got = pread(unpacked->fd, bytes, sizeof(bytes), 0);
	assert_in_range(got, 0, SIZE);
	assert_memory_equal(bytes, content, (size_t)got);
	return (size_t)got;
}

static void run(const char *command)
{
	int status = system(command);
	if (status)
		fail_msg("%s: %d", command, status);
}

static const struct {
	const char *tool, *kind;
} tools[] = {
	{"zstd -q -c", "zstd"}, {"lz4 -q -c", "lz4"},  {"xz -c", "xz"},
	{"gzip -c", "gzip"},	{"bzip2 -c", "bzip2"},
};

static void pack(const char *tool, const char *from, const char *to)
{
	char command[1024];
	snprintf(command, sizeof(command), "%s %s %s %s", tool, from, to[0] == '+' ? ">>" : ">",
		 to[0] == '+' ? to + 1 : to);
	run(command);
}

static void test_whole(void **state)
{
	struct core_unpacked unpacked;
	struct stat st;
	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
		write_file(in_folder("plain"), content, SIZE);
		pack(tools[i].tool, in_folder("plain"), in_folder("packed"));
		assert_null(unpack(in_folder("packed"), &unpacked));
		assert_string_equal(unpacked.kind, tools[i].kind);
		assert_null(unpacked.trouble);
		assert_int_equal(check_content(&unpacked), SIZE);
		/* Pages of zeros take no disk, and the file has no name. */
		assert_false(fstat(unpacked.fd, &st));
		assert_in_range(st.st_blocks * 512, 1, SIZE / 2);
		assert_int_equal(st.st_nlink, 0);
		release(&unpacked);
	}
}

/* Several members, frames or streams in one file are one core. */
static void test_pieces(void **state)
{
	struct core_unpacked unpacked;
	char target[300];
	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
		write_file(in_folder("first"), content, 5 * PAGE + 7);
		write_file(in_folder("rest"), content + 5 * PAGE + 7, SIZE - 5 * PAGE - 7);
		pack(tools[i].tool, in_folder("first"), in_folder("packed"));
		snprintf(target, sizeof(target), "+%s", in_folder("packed"));
		pack(tools[i].tool, in_folder("rest"), target);
		assert_null(unpack(in_folder("packed"), &unpacked));
		assert_null(unpacked.trouble);
		assert_int_equal(check_content(&unpacked), SIZE);
		release(&unpacked);
	}
}

/* zstd's and lz4's frames that hold no data come first, as pzstd writes them. */
static void test_skippable(void **state)
{
	struct core_unpacked unpacked;
	char target[300];
	for (size_t i = 0; i < 2; i++) {
		write_file(in_folder("plain"), content, SIZE);
		write_file(in_folder("packed"), "\x5f\x2a\x4d\x18\x04\0\0\0abcd", 12);
		snprintf(target, sizeof(target), "+%s", in_folder("packed"));
		pack(tools[i].tool, in_folder("plain"), target);
		assert_null(unpack(in_folder("packed"), &unpacked));
		assert_string_equal(unpacked.kind, tools[i].kind);
		assert_int_equal(check_content(&unpacked), SIZE);
		release(&unpacked);
	}
}

/* Cut anywhere: what comes out is right, the more the more is there, and the cut is told. */
static void test_cut(void **state)
{
	static uint8_t packed[2 * SIZE];
	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
		size_t last = 0, unpacked_some = 0;
		write_file(in_folder("plain"), content, SIZE);
		pack(tools[i].tool, in_folder("plain"), in_folder("packed"));
		FILE *file = fopen(in_folder("packed"), "rb");
		size_t size = fread(packed, 1, sizeof(packed), file);
		fclose(file);
		for (size_t cut = 5; cut < 100; cut += 5) {
			struct core_unpacked unpacked;
			write_file(in_folder("cut"), packed, size * cut / 100);
			struct pw_error *error = unpack(in_folder("cut"), &unpacked);
			if (error) {
				assert_non_null(strstr(pw_error_message(error),
						       "nothing of it can be unpacked"));
				assert_int_equal(last, 0);
				pw_error_destroy(error);
				continue;
			}
			assert_non_null(unpacked.trouble);
			size_t got = check_content(&unpacked);
			assert_true(got >= last);
			last = got;
			unpacked_some++;
			release(&unpacked);
		}
		/* All of it is one block of lz4 and bzip2. */
		if (!strcmp(tools[i].kind, "gzip") || !strcmp(tools[i].kind, "xz"))
			assert_true(unpacked_some > 5);
	}
}

static void test_damaged(void **state)
{
	static uint8_t packed[2 * SIZE];
	uint32_t seed = 7;
	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
		write_file(in_folder("plain"), content, SIZE);
		pack(tools[i].tool, in_folder("plain"), in_folder("packed"));
		FILE *file = fopen(in_folder("packed"), "rb");
		size_t size = fread(packed, 1, sizeof(packed), file);
		fclose(file);
		for (int round = 0; round < 200; round++) {
			struct core_unpacked unpacked;
			seed = seed * 1664525 + 1013904223;
			size_t at = (seed >> 8) % (round & 1 ? 40 : size);
			uint8_t before = packed[at];
			packed[at] ^= (uint8_t)(1 << (seed & 7));
			write_file(in_folder("damaged"), packed, size);
			packed[at] = before;
			pw_error_destroy(unpack(in_folder("damaged"), &unpacked));
			release(&unpacked);
		}
	}
}

static void expect_error(const char *path, enum pw_error_code code, const char *part)
{
	struct core_unpacked unpacked;
	struct pw_error *error = unpack(path, &unpacked);
	assert_non_null(error);
	if (pw_error_code(error) != code || !strstr(pw_error_message(error), part))
		fail_msg("%d: %s", pw_error_code(error), pw_error_message(error));
	pw_error_destroy(error);
}

static void test_not_packed(void **state)
{
	struct core_unpacked unpacked;
	write_file(in_folder("plain"), content, SIZE);
	assert_null(unpack(in_folder("plain"), &unpacked));
	assert_int_equal(unpacked.fd, -1);
	write_file(in_folder("plain"), "\x1f\x8b", 2);
	assert_null(unpack(in_folder("plain"), &unpacked));
	assert_int_equal(unpacked.fd, -1);
	write_file(in_folder("plain"), "", 0);
	pack("gzip -c", in_folder("plain"), in_folder("packed"));
	expect_error(in_folder("packed"), PW_ERROR_FORMAT, "it is empty");
	write_file(in_folder("plain"), "\x1f\x8b\x08\xff\xff\xff\xff\xff\xff\xff", 10);
	expect_error(in_folder("plain"), PW_ERROR_FORMAT, "its header is damaged");

	/* Something else is not unpacked to its end. */
	write_file(in_folder("plain"), content + PAGE / 2, SIZE - PAGE / 2);
	pack("gzip -c", in_folder("plain"), in_folder("packed"));
	struct pw_target *target;
	struct pw_error *error = pw_target_open_core(in_folder("packed"), NULL, &target);
	assert_non_null(strstr(pw_error_message(error), "is not an ELF file (gzip, unpacked)"));
	pw_error_destroy(error);
}

/* ---- room ---- */

static void test_file_limit(void **state)
{
	struct rlimit before, small = {SIZE / 4, RLIM_INFINITY};
	write_file(in_folder("plain"), content, SIZE);
	pack("gzip -c", in_folder("plain"), in_folder("packed"));
	getrlimit(RLIMIT_FSIZE, &before);
	small.rlim_max = before.rlim_max;
	setrlimit(RLIMIT_FSIZE, &small);
	expect_error(in_folder("packed"), PW_ERROR_IO, "ulimit -f");
	expect_error(in_folder("packed"), PW_ERROR_IO, "TMPDIR");
	setrlimit(RLIMIT_FSIZE, &before);
}

static void test_no_folder(void **state)
{
	write_file(in_folder("plain"), content, SIZE);
	pack("gzip -c", in_folder("plain"), in_folder("packed"));
	setenv("TMPDIR", in_folder("nowhere"), 1);
	expect_error(in_folder("packed"), PW_ERROR_IO, "nowhere");
	unsetenv("TMPDIR");
}

/* ---- crash reports ---- */

static void decode(const char *text, size_t piece, const char *expected, bool ended)
{
	struct core_report_decoder decoder = {.line_begins = true};
	uint8_t bytes[256];
	size_t done = 0, length = strlen(text);
	for (size_t at = 0; at < length; at += piece)
		done += core_report_decode(&decoder, text + at,
					   piece < length - at ? piece : length - at, bytes + done);
	assert_int_equal(done, strlen(expected));
	assert_memory_equal(bytes, expected, done);
	assert_int_equal(decoder.ended, ended);
}

static void test_base64(void **state)
{
	for (size_t piece = 1; piece < 40; piece++) {
		decode(" aGVsbG8=\n d29ybGQ=\n", piece, "helloworld", false);
		decode(" aGVsbG8=\n d29ybGQ=\nKey: aGVsbG8=\n", piece, "helloworld", true);
		decode(" aGVsbG8\n IQ==\n", piece, "hello!", false);
		decode("Key: value\n", piece, "", true);
		decode(" aGVsbG9v", piece, "helloo", false);
	}
}

static void write_report(const char *path, const char *packed, const char *before)
{
	char command[1024];
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	fprintf(file, "ProblemType: Crash\nExecutablePath: /usr/bin/some\nProcMaps:\n a\n b: c\n%s",
		before);
	fclose(file);
	if (!packed)
		return;
	/* Pieces of the stream, a line each, whose lengths are no multiples of three. */
	snprintf(command, sizeof(command),
		 "head -c 100 %s | base64 -w0 | sed 's/^/ /;s/$/\\n/' >> %s;"
		 "tail -c +101 %s | base64 -w0 | sed 's/^/ /;s/$/\\n/' >> %s",
		 packed, path, packed, path);
	run(command);
	file = fopen(path, "ab");
	fputs("Other: value\n", file);
	fclose(file);
}

static void test_report(void **state)
{
	struct core_unpacked unpacked;
	write_file(in_folder("plain"), content, SIZE);
	for (int zstd = 0; zstd < 2; zstd++) {
		pack(zstd ? "zstd -qc" : "gzip -c", in_folder("plain"), in_folder("packed"));
		write_report(in_folder("report"), in_folder("packed"), "CoreDump: base64\n");
		assert_null(unpack(in_folder("report"), &unpacked));
		assert_string_equal(unpacked.executable, "/usr/bin/some");
		assert_null(unpacked.trouble);
		assert_int_equal(check_content(&unpacked), SIZE);
		release(&unpacked);
	}
	write_report(in_folder("report"), NULL, "");
	expect_error(in_folder("report"), PW_ERROR_FORMAT, "without CoreDump");
	write_report(in_folder("report"), NULL, "CoreDump: base64\n");
	expect_error(in_folder("report"), PW_ERROR_UNSUPPORTED, "neither gzip nor zstd");
}

/* ---- the cache ---- */

static void test_cache(void **state)
{
	static uint8_t bytes[SIZE + PAGE];
	uint32_t seed = 3;
	write_file(in_folder("plain"), content, SIZE);
	int fd = open(in_folder("plain"), O_RDWR);
	struct core_cache *cache = core_cache_create();
	assert_non_null(cache);
	for (int round = 0; round < 3000; round++) {
		seed = seed * 1664525 + 1013904223;
		uint64_t at = (seed >> 8) % (SIZE + PAGE);
		size_t length = (seed >> 4) % (round & 1 ? 100 : 12 * PAGE);
		size_t there = at >= SIZE ? 0 : SIZE - at,
		       expected = length < there ? length : there;
		assert_int_equal(core_cache_read(cache, seed % 5, fd, at, bytes, length), expected);
		assert_memory_equal(bytes, content + (expected ? at : 0), expected);
	}
	assert_int_equal(core_cache_read(cache, 0, fd, UINT64_MAX - 5, bytes, 100), 0);
	/* Cut short by somebody else: an end, and no signal. */
	assert_false(ftruncate(fd, PAGE + 10));
	assert_int_equal(core_cache_read(cache, 99, fd, PAGE, bytes, 100), 10);
	assert_int_equal(core_cache_read(cache, 99, fd, 0, bytes, SIZE), PAGE + 10);
	core_cache_destroy(cache);
	core_cache_destroy(NULL);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),	   cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_skippable),  cmocka_unit_test(test_cut),
		cmocka_unit_test(test_damaged),	   cmocka_unit_test(test_not_packed),
		cmocka_unit_test(test_file_limit), cmocka_unit_test(test_no_folder),
		cmocka_unit_test(test_base64),	   cmocka_unit_test(test_report),
		cmocka_unit_test(test_cache),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
