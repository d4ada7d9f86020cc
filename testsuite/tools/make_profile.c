/*
 * Makes a recording whose content is known, to try formats on:  make_profile CASE > FILE
 *
 *	usual	one process, three threads (one without a name), Python and C frames, recursion, a
 *gap, a torn sample, idle and running ones, 10 ms apart: 1,000 samples family	three processes that
 *share functions, the second one without Python's version evil	names with separators, quotes,
 *escapes of terminals, markup, all of Unicode's planes, nothing at all; 40 characters to 40,000;
 *lines 0 and 2^31-1 deep	a stack of 20,000 frames, twice empty	no sample, no thread large
 *200,000 samples of 20,000 stacks in 50 threads
 *
 * What each holds, in the order of its samples, is printed to stderr: "THREAD WEIGHT
 *FRAME;FRAME..." (thread's index, nanoseconds, names oldest first), for `usual` and `family`.
 */
#include "pywalk_profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct pw_profile *profile;

static void check(struct pw_error *error)
{
	if (!error)
		return;
	fprintf(stderr, "make_profile: %s\n", pw_error_message(error));
	exit(2);
}

static uint32_t process(int64_t pid, int64_t parent, const char *python, const char *command)
{
	const struct pw_profile_process p = {pid, parent, "/usr/bin/python3.12", python, command};
	uint32_t index;
	check(pw_profile_add_process(profile, &p, &index));
	return index;
}

static uint32_t thread(uint32_t of, uint64_t tid, const char *name, const char *kernel_name)
{
	const struct pw_profile_thread t = {of, tid, tid, name, kernel_name};
	uint32_t index;
	check(pw_profile_add_thread(profile, &t, &index));
	return index;
}

static uint32_t frame(enum pw_profile_kind kind, const char *name, const char *file,
		      const char *module, int first_line, int line)
{
	const struct pw_profile_function f = {kind, name, file, module, first_line};
	struct pw_profile_frame frame = {.line = line};
	uint32_t index;
	check(pw_profile_add_function(profile, &f, &frame.function));
	check(pw_profile_add_frame(profile, &frame, &index));
	return index;
}

static uint32_t node(uint32_t parent, uint32_t of)
{
	const struct pw_profile_node n = {parent, of};
	uint32_t index;
	check(pw_profile_add_node(profile, &n, &index));
	return index;
}

static void print_node(uint32_t at)
{
	const struct pw_profile_node *n = pw_profile_node(profile, at);
	if (!at)
		return;
	print_node(n->parent);
	const struct pw_profile_frame *f = pw_profile_frame(profile, n->frame);
	fprintf(stderr, "%s%s", n->parent ? ";" : "",
		pw_profile_function(profile, f->function)->name);
}

static void sample(uint64_t time, uint64_t weight, uint32_t of, uint32_t at, uint32_t flags,
		   bool say)
{
	const struct pw_profile_sample s = {time, weight, 50000000 + time % 4096, of, at, flags};
	check(pw_profile_add_sample(profile, &s));
	if (!say)
		return;
	fprintf(stderr, "%u %llu ", of, (unsigned long long)weight);
	print_node(at);
	fputc('\n', stderr);
}

enum { MS = 1000000 };

/* The stacks of a little server. */
static void stacks(uint32_t ret[8])
{
	uint32_t module =
		node(0, frame(PW_PROFILE_PYTHON, "<module>", "/srv/app/main.py", NULL, 1, 40));
	uint32_t serve = node(module, frame(PW_PROFILE_PYTHON, "Server.serve", "/srv/app/server.py",
					    NULL, 10, 22));
	uint32_t parse =
		node(serve, frame(PW_PROFILE_PYTHON, "parse", "/srv/app/parse.py", NULL, 5, 9));
	uint32_t deeper =
		node(parse, frame(PW_PROFILE_PYTHON, "parse", "/srv/app/parse.py", NULL, 5, 11));
	uint32_t sort =
		node(serve, frame(PW_PROFILE_NATIVE, "list_sort_impl", "Objects/listobject.c",
				  "/usr/lib/libpython3.12.so.1.0", 0, 2200));
	uint32_t key = node(sort, frame(PW_PROFILE_PYTHON, "Server.serve.<locals>.<lambda>",
					"/srv/app/server.py", NULL, 21, 21));
	uint32_t gap =
		node(serve, frame(PW_PROFILE_GAP, "no call-frame information", NULL, NULL, 0, 0));
	uint32_t poll = node(gap, frame(PW_PROFILE_NATIVE, "epoll_wait", NULL,
					"/usr/lib/x86_64-linux-gnu/libc.so.6", 0, 0));
	const uint32_t all[8] = {module, serve, parse, deeper, sort, key, poll, 0};
	memcpy(ret, all, sizeof(all));
}

static void make_usual(void)
{
	uint32_t at[8], of = process(4711, 1, "3.12.1", "python3 main.py --port 8080");
	uint32_t threads[3] = {thread(of, 4711, "MainThread", "python3"),
			       thread(of, 4712, "worker 1", "python3"),
			       thread(of, 4713, NULL, "grpc")};
	stacks(at);
	for (unsigned i = 0; i < 1000; i++) {
		unsigned which = i % 10 < 5 ? 2 : i % 10 < 8 ? 3 : i % 10 < 9 ? 5 : 6;
		uint32_t flags = which == 6 ? 0 : PW_SAMPLE_RUNNING;
		if (flags && i % 3 == 0)
			flags |= PW_SAMPLE_GIL;
		if (i == 500)
			flags |= PW_SAMPLE_TORN;
		sample(i / 3 * 10ull * MS, 10ull * MS, threads[i % 3],
		       i % 3 == 2 ? at[6] : at[which], flags, true);
	}
}

static void make_family(void)
{
	uint32_t at[8];
	uint32_t parents[3] = {process(100, 1, "3.12.1", "python3 main.py"),
			       process(101, 100, NULL, "python3 -c 'from x import y; y()'"),
			       process(102, 101, "3.8.18", NULL)};
	uint32_t threads[3];
	for (unsigned i = 0; i < 3; i++)
		threads[i] = thread(parents[i], 100 + i, "MainThread", "python3");
	stacks(at);
	for (unsigned i = 0; i < 300; i++)
		sample(i * 5ull * MS, 5ull * MS, threads[i % 3], at[i % 7], PW_SAMPLE_RUNNING,
		       true);
}

static void make_evil(void)
{
	static const char *const names[] = {
		"",
		" ",
		";",
		"a;b;c",
		"a b 12",
		"tab\there",
		"line\nfeed",
		"\r\n",
		"quote\"quote'",
		"back\\slash",
		"<script>alert(1)</script>",
		"</script>",
		"&amp;",
		"\033[31mred\033[0m",
		"\x7f",
		"Zürich",
		"日本語",
		"𝔘𝔫𝔦",
		"\xef\xbb\xbf"
		"bom",
		"%s%n%d",
		"=(F1+2",
		")",
		"a)b",
		"{\"json\": [1]}",
		"-",
		"--help",
		"'; DROP TABLE",
		"\xe2\x80\xae"
		"rtl",
		"$(reboot)",
	};
	uint32_t of = process(1, 0, "3.12.1", "evil \"command\" <b> ; \n x");
	uint32_t t = thread(of, 1, "thread; \"<x>\" \n 7", "k;\n");
	unsigned i = 0;
	for (; i < sizeof(names) / sizeof(names[0]); i++) {
		uint32_t outer = node(0, frame(PW_PROFILE_PYTHON, names[i], names[i], NULL, 0, 0));
		uint32_t inner =
			node(outer, frame(PW_PROFILE_NATIVE, names[i], NULL, names[i], 0, 0));
		sample(i * 10ull * MS, 10ull * MS, t, i % 2 ? outer : inner, PW_SAMPLE_RUNNING,
		       false);
	}
	for (size_t length = 40; length <= 40000; length *= 10, i++) {
		char *name = calloc(1, length + 1);
		memset(name, 'n', length);
		uint32_t at =
			node(0, frame(PW_PROFILE_PYTHON, name, name, NULL, 2147483647, 2147483647));
		sample(i * 10ull * MS, 10ull * MS, t, at, PW_SAMPLE_RUNNING, false);
		free(name);
	}
	sample(i * 10ull * MS, 0, t, 0, 0, false);
}

static void make_deep(void)
{
	uint32_t t = thread(process(7, 1, "3.11.7", "deep"), 7, "MainThread", "deep"), at = 0;
	for (int i = 0; i < 20000; i++)
		at = node(at,
			  frame(PW_PROFILE_PYTHON, "recurse", "/srv/deep.py", NULL, 1, 1 + i % 3));
	sample(0, 10ull * MS, t, at, PW_SAMPLE_RUNNING, false);
	sample(10ull * MS, 10ull * MS, t, at, PW_SAMPLE_RUNNING, false);
}

static void make_large(void)
{
	uint32_t of = process(9, 1, "3.13.0", "large"), threads[50];
	uint32_t random = 1;
	char name[32];
	for (unsigned i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "worker %u", i);
		threads[i] = thread(of, 10 + i, name, "large");
	}
	for (unsigned i = 0; i < 200000; i++) {
		uint32_t at = 0;
		random = random * 1664525 + 1013904223;
		for (uint32_t depth = 0, bits = (random >> 12) % 20000; depth < 12; depth++) {
			snprintf(name, sizeof(name), "f%u_%u", depth, bits % 7);
			at = node(at, frame(PW_PROFILE_PYTHON, name, "/srv/large.py", NULL, 1,
					    (int)(bits % 7) + 1));
			bits = bits / 3 + depth * 31;
		}
		sample(i / 50 * 10ull * MS, 10ull * MS, threads[i % 50], at, PW_SAMPLE_RUNNING,
		       false);
	}
}

static bool put(void *data, const char *piece, size_t length)
{
	return fwrite(piece, 1, length, stdout) == length;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*make)(void);
	} cases[] = {{"usual", make_usual}, {"family", make_family}, {"evil", make_evil},
		     {"deep", make_deep},   {"large", make_large},   {"empty", NULL}};
	struct pw_profile_info info = {.engine = "ptrace",
				       .complete = true,
				       .native = true,
				       .lines = true,
				       .memory = true,
				       .rate_wished = 100,
				       .rate_reached = 99.5,
				       .start = 1700000000000000000,
				       .ticks = 1000,
				       .pauses = 400,
				       .pause_median = 42000,
				       .pause_p99 = 90000,
				       .pause_max = 310000,
				       .own_cpu = 60000000};
	for (size_t i = 0; argc == 2 && i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(argv[1], cases[i].name) != 0)
			continue;
		check(pw_profile_create(&info, &profile));
		if (cases[i].make)
			cases[i].make();
		size_t count = pw_profile_sample_count(profile);
		if (count)
			info.duration = pw_profile_sample(profile, count - 1)->time + 10ull * MS;
		check(pw_profile_set_info(profile, &info));
		check(pw_recording_write(profile, put, NULL));
		pw_profile_destroy(profile);
		return 0;
	}
	fprintf(stderr, "usage: make_profile usual|family|evil|deep|large|empty\n");
	return 2;
}
