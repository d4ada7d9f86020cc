/*
 * Names of native frames: programs tell where they called from, by which functions; the same places
 * are looked up from outside, with the debug information in many forms and places.
 */
#include "binary/names.h"

#include "base/buffer.h"
#include "binary/debuginfod.h"

#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder.h"
#include "names_run.h"

enum { DAMAGES = 150 };

/* What pywalk says of a place, in the program's own form. */
static void chain_of(struct run *run, const struct place *place, bool lines, struct pw_buffer *ret)
{
	const struct pw_names *names = pw_modules_names(run->modules, place->address - 1, true);

	ret->length = 0;
	for (size_t i = 0; i < names->count; i++) {
		const struct pw_native_name *name = &names->items[i];
		pw_buffer_printf(ret, "%s%s", i ? " " : "", name->function ? name->function : "?");
		if (lines)
			pw_buffer_printf(ret, ":%d", name->line);
		if (lines && (!name->file || !strstr(name->file, "/names.c")))
			pw_buffer_printf(ret, "(%s)", name->file ? name->file : "no file");
		if (name->inlined != (i + 1 < names->count))
			pw_buffer_append_string(ret, "(inlined?)");
	}
	assert_ptr_equal(names, pw_modules_names(run->modules, place->address - 1, true));
}

static void check_places(struct run *run)
{
	pw_auto_buffer struct pw_buffer chain = {0};

	for (size_t i = 0; i < run->count; i++) {
		chain_of(run, &run->places[i], true, &chain);
		assert_string_equal(chain.data, run->places[i].chain);
	}
}

/* By symbol tables, only the function itself is known. */
static void check_functions(struct run *run, bool known)
{
	char expected[256];

	for (size_t i = 0; i < run->count; i++) {
		const struct pw_names *names =
			pw_modules_names(run->modules, run->places[i].address - 1, false);
		assert_int_equal(names->count, 1);
		assert_ptr_equal(names->module,
				 pw_modules_find(run->modules, run->places[i].address));
		const struct pw_native_name *name = &names->items[0];
		assert_true(!name->file && !name->line && !name->inlined);
		if (!known) {
			assert_true(!name->function && !name->symbol && !names->symbol_address);
			continue;
		}
		const char *last = run->places[i].chain;
		for (const char *c = last; (c = strchr(c, ' ')); c++) {
			if (strncmp(c, " namespace)", 11) != 0)
				last = c + 1;
		}
		snprintf(expected, sizeof(expected), "%s", last);
		*strrchr(expected, ':') = 0;
		/* "outer.constprop.0" is a copy of it. */
		size_t length = strlen(expected);
		assert_int_equal(strncmp(name->function, expected, length), 0);
		assert_true(!name->function[length] || name->function[length] == '.');
		assert_true(names->symbol_address &&
			    names->symbol_address <= run->places[i].address);
	}
}

static void test_variant(void **state)
{
	char *words = strdup(*state);
	char *flags = strchr(words, ' ');
	struct run run;

	assert_non_null(flags);
	*flags++ = 0;
	if (!has(words)) {
		free(words);
		skip();
	}
	compile(words, flags, "variant");
	start(&run, "variant", NULL);
	check_functions(&run, true);
	check_places(&run);
	check_functions(&run, true);
	stop(&run);
	free(words);
}

static void test_nothing_known(void **state)
{
	struct run run;
	uint64_t stack = (uintptr_t)&run;

	compile("gcc", "-O2", "plain");
	start(&run, "plain", NULL);
	check_functions(&run, true);
	const struct pw_names *names =
		pw_modules_names(run.modules, run.places[0].address - 1, true);
	assert_int_equal(names->count, 1);
	assert_string_equal(names->items[0].function, "outer");
	assert_string_equal(names->items[0].symbol, "outer");
	assert_true(!names->items[0].file && !names->items[0].line);
	static const uint64_t addresses[] = {0, 1, UINT64_MAX};
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		assert_int_equal(pw_modules_names(run.modules, addresses[i], true)->count, 0);
	assert_int_equal(pw_modules_names(run.modules, stack, true)->count, 0);
	/* A module's header is no function's. */
	names = pw_modules_names(run.modules, run.modules->items[0].start, true);
	assert_int_equal(names->count, 1);
	assert_ptr_equal(names->module, &run.modules->items[0]);
	assert_null(names->items[0].function);
	stop(&run);
}

/* Lines at every address of two functions, as GDB has them. */
static void test_lines_as_gdb(void **state)
{
	struct run run;
	char line[1024];

	compile("gcc", "-O2 -g", "lines");
	start(&run, "lines", NULL);
	const struct pw_names *outer =
		pw_modules_names(run.modules, run.places[0].address - 1, false);
	uint64_t from = outer->symbol_address, to = from;
	while (pw_modules_names(run.modules, to, false)->symbol_address == from)
		to++;
	pw_auto_buffer struct pw_buffer script = {0};
	for (uint64_t a = from; a < to; a++)
		pw_buffer_printf(&script, "info line *%#lx\n", a - outer->module->bias);
	write_file(in_folder("lines.gdb"), script.data, script.length);
	snprintf(line, sizeof(line), "gdb -batch -nx -x %s %s 2>/dev/null | grep '^Line'",
		 in_folder("lines.gdb"), in_folder("lines"));
	FILE *gdb = popen(line, "r");
	assert_non_null(gdb);
	uint64_t address = from;
	for (int number; fgets(line, sizeof(line), gdb); address++) {
		assert_int_equal(sscanf(line, "Line %d", &number), 1);
		assert_int_equal(pw_modules_names(run.modules, address, true)->items[0].line,
				 number);
	}
	pclose(gdb);
	assert_true(address == to && to - from > 20);
	stop(&run);
}

/* Moves a program's debug information to debug/.build-id/, stripped of everything itself. */
static const char *separate(const char *name, const char *debug_dir, const char *objcopy_flags)
{
	static char path[512];
	char line[256], id[64] = "";
	const char *program = in_folder(name);

	snprintf(line, sizeof(line), "readelf -n %s", program);
	FILE *notes = popen(line, "r");
	assert_non_null(notes);
	while (fgets(line, sizeof(line), notes))
		sscanf(line, " Build ID: %63[0-9a-f]", id);
	pclose(notes);
	assert_true(strlen(id) > 2);
	snprintf(path, sizeof(path), "%s/.build-id/%.2s/%s.debug", debug_dir, id, id + 2);
	assert_int_equal(shell("mkdir -p %s/.build-id/%.2s && "
			       "objcopy --only-keep-debug %s %s %s && strip %s",
			       debug_dir, id, objcopy_flags, program, path, program),
			 0);
	return path;
}

static void test_debug_file(void **state)
{
	static const char *const forms[] = {"", "--compress-debug-sections=zlib"};
	struct run run;

	for (size_t i = 0; i < 2; i++) {
		const char *debug_dir = in_folder("debug");
		compile("gcc", "-O2 -g", "apart");
		separate("apart", debug_dir, forms[i]);
		start(&run, "apart", in_folder("nowhere"));
		check_functions(&run, false);
		assert_null(pw_modules_names(run.modules, run.places[0].address - 1, true)
				    ->items[0]
				    .file);
		reopen(&run, in_folder("debug"));
		check_functions(&run, true);
		check_places(&run);
		/* What is too much to inflate is left alone; the rest is not touched by that. */
		reopen(&run, in_folder("debug"));
		run.modules->inflate_max = 1;
		check_functions(&run, true);
		const char *file = pw_modules_names(run.modules, run.places[0].address - 1, true)
					   ->items[0]
					   .file;
		assert_int_equal(!file, i == 1);
		stop(&run);
		shell("rm -r %s", in_folder("debug"));
	}
}

/* Two debug files and what they have in common, as dwz makes them for distributions. */
static void test_shared_debug_file(void **state)
{
	static const char *const names[] = {".dwz/common", "%s/.dwz/common"};
	char common[512], first[512], second[512];
	struct run run;

	if (!has("dwz"))
		skip();
	for (size_t i = 0; i < 2; i++) {
		shell("mkdir -p %s", in_folder("debug/.dwz"));
		compile("g++", "-O2 -g -gdwarf-4", "one");
		compile("g++", "-O1 -g -gdwarf-4", "two");
		snprintf(first, sizeof(first), "%s", separate("one", in_folder("debug"), ""));
		snprintf(second, sizeof(second), "%s", separate("two", in_folder("debug"), ""));
		if (i)
			snprintf(common, sizeof(common), "%s", in_folder("debug/.dwz/common"));
		else
			snprintf(common, sizeof(common), "../../%s", names[i]);
		assert_int_equal(shell("dwz -m %s -M %s %s %s", in_folder("debug/.dwz/common"),
				       common, first, second),
				 0);
		assert_int_equal(shell("readelf -SW %s | grep -q gnu_debugaltlink", first), 0);
		start(&run, "one", in_folder("debug"));
		check_places(&run);
		stop(&run);
		shell("rm -r %s", in_folder("debug"));
	}
}

/* The debug file's bytes say anything: whatever is said of a place, nothing breaks. */
static void test_damaged(void **state)
{
	static const char *const flags[] = {"-O2 -gdwarf-5", "-O2 -gdwarf-4", "-O2 -g -gz=zlib"};
	pw_auto_buffer struct pw_buffer chain = {0};
	struct stat st;
	struct run run;

	srand(11);
	for (size_t f = 0; f < sizeof(flags) / sizeof(flags[0]); f++) {
		compile("g++", flags[f], "damaged");
		const char *path = separate("damaged", in_folder("debug"), "");
		assert_int_equal(stat(path, &st), 0);
		size_t size = (size_t)st.st_size;
		uint8_t *good = malloc(size), *bad = malloc(size);
		FILE *file = fopen(path, "rb");
		assert_true(good && bad && file);
		assert_int_equal(fread(good, 1, size, file), size);
		fclose(file);
		start(&run, "damaged", in_folder("debug"));
		check_places(&run);
		for (int d = 0; d < DAMAGES; d++) {
			memcpy(bad, good, size);
			for (int k = rand() % 30; k >= 0; k--)
				bad[0x100 + (size_t)rand() % (size - 0x100)] =
					rand() % 3 ? (uint8_t)rand() : 0xff;
			write_file(path, bad, size);
			reopen(&run, in_folder("debug"));
			for (size_t i = 0; i < run.count; i++)
				chain_of(&run, &run.places[i], true, &chain);
		}
		free(good);
		free(bad);
		stop(&run);
		shell("rm -r %s", in_folder("debug"));
	}
}

/* ---- a debuginfod server --------------------------------------------------------------------- */

struct server {
	int fd;
	bool silent;	  /* takes requests and never answers */
	const char *path; /* the one file that it has */
	char id[64];
	_Atomic int requests;
	pthread_t thread;
};

static void answer(struct server *server, int fd)
{
	char request[4096], wanted[128], head[256];
	size_t length = 0;
	ssize_t n;

	while (length < sizeof(request) - 1 &&
	       (n = read(fd, request + length, sizeof(request) - 1 - length)) > 0) {
		length += (size_t)n;
		request[length] = 0;
		if (strstr(request, "\r\n\r\n"))
			break;
	}
	snprintf(wanted, sizeof(wanted), "GET /buildid/%s/debuginfo ", server->id);
	FILE *file =
		strncmp(request, wanted, strlen(wanted)) == 0 ? fopen(server->path, "rb") : NULL;
	if (!file) {
		static const char none[] = "HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n";
		assert_int_equal(write(fd, none, sizeof(none) - 1), sizeof(none) - 1);
		return;
	}
	fseek(file, 0, SEEK_END);
	int size = snprintf(head, sizeof(head), "HTTP/1.0 200 OK\r\nContent-Length: %ld\r\n\r\n",
			    ftell(file));
	rewind(file);
	assert_int_equal(write(fd, head, (size_t)size), size);
	while ((length = fread(request, 1, sizeof(request), file)) > 0)
		assert_int_equal(write(fd, request, length), length);
	fclose(file);
}

static void *serve(void *data)
{
	struct server *server = data;

	for (int fd; (fd = accept(server->fd, NULL, NULL)) >= 0;) {
		server->requests++;
		if (server->silent)
			continue; /* and stays open: the program ends soon */
		answer(server, fd);
		close(fd);
	}
	return NULL;
}

/* Also tells the environment of it. */
static void server_start(struct server *server)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	char url[64];

	server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server->fd, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(server->fd, 8), 0);
	assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &length), 0);
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", ntohs(address.sin_port));
	setenv("DEBUGINFOD_URLS", url, 1);
	setenv("DEBUGINFOD_CACHE_PATH", in_folder("cache"), 1);
	setenv("no_proxy", "*", 1);
}

static void server_stop(struct server *server)
{
	shutdown(server->fd, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->fd);
	unsetenv("DEBUGINFOD_URLS");
	shell("rm -rf %s", in_folder("cache"));
}

static void test_debuginfod(void **state)
{
	struct server server = {0};
	struct run run;

	compile("g++", "-O2 -g", "fetched");
	server.path = separate("fetched", in_folder("debug"), "");
	const char *id = strstr(server.path, ".build-id/") + strlen(".build-id/");
	snprintf(server.id, sizeof(server.id), "%.2s%.*s", id, (int)strcspn(id + 3, "."), id + 3);
	server_start(&server);
	start(&run, "fetched", in_folder("nowhere"));
	check_functions(&run, true);
	check_places(&run);
	assert_int_equal(server.requests, 1);
	/* Not asked by the user: nobody is asked, not even the cache. */
	unsetenv("DEBUGINFOD_URLS");
	reopen(&run, in_folder("nowhere"));
	check_functions(&run, false);
	assert_int_equal(server.requests, 1);
	stop(&run);
	server_stop(&server);
	shell("rm -r %s", in_folder("debug"));
}

static volatile sig_atomic_t interrupts;

static void on_interrupt(int number)
{
	interrupts++;
}

static void *interrupt_wait(void *data)
{
	struct server *server = data;

	while (!server->requests)
		usleep(1000);
	kill(getpid(), SIGINT);
	return NULL;
}

/* One wait for a silent server is enough; `state`: what ends it. */
static void test_silent_server(void **state)
{
	static const uint8_t ids[2][20] = {{1, 2, 3}, {4, 5, 6}};
	bool by_signal = strcmp(*state, "by Ctrl-C") == 0;
	struct server server = {.silent = true};
	pthread_t thread;

	setenv("DEBUGINFOD_TIMEOUT", by_signal ? "3600" : "1", 1);
	interrupts = 0;
	signal(SIGINT, on_interrupt);
	server_start(&server);
	struct pw_debuginfod *debuginfod = pw_debuginfod_create();
	assert_non_null(debuginfod);
	if (by_signal)
		assert_int_equal(pthread_create(&thread, NULL, interrupt_wait, &server), 0);
	assert_null(pw_debuginfod_find(debuginfod, ids[0], sizeof(ids[0])));
	if (by_signal)
		pthread_join(thread, NULL);
	int requests = server.requests; /* the library may try again by itself */
	assert_true(requests > 0);
	assert_null(pw_debuginfod_find(debuginfod, ids[1], sizeof(ids[1])));
	assert_int_equal(server.requests, requests);
	/* The program's own handler learns of it. */
	assert_int_equal(interrupts, by_signal);
	pw_debuginfod_destroy(debuginfod);
	server_stop(&server);
	unsetenv("DEBUGINFOD_TIMEOUT");
	signal(SIGINT, SIG_DFL);
}

/* `text`: a compiler and its flags. */
#define VARIANT(text)                                                                              \
	{                                                                                          \
		.name = text, .test_func = test_variant, .initial_state = text                     \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		VARIANT("gcc -O2 -g"),
		VARIANT("gcc -O0 -g"),
		VARIANT("gcc -O2 -gdwarf-3"),
		VARIANT("gcc -O2 -gdwarf-4 -gz=zlib-gnu"),
		VARIANT("gcc -O2 -gdwarf-5 -gz=zlib"),
		VARIANT("gcc -O3 -g -flto -static"),
		VARIANT("clang -O2 -gdwarf-4"),
		VARIANT("clang -O2 -gdwarf-5"),
		VARIANT("g++ -O2 -gdwarf-4"),
		VARIANT("g++ -O2 -gdwarf-5"),
		VARIANT("g++ -O2 -g -fno-pie -no-pie"),
		VARIANT("clang++ -O2 -gdwarf-5"),
		cmocka_unit_test(test_nothing_known),
		cmocka_unit_test(test_lines_as_gdb),
		cmocka_unit_test(test_debug_file),
		cmocka_unit_test(test_shared_debug_file),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_debuginfod),
		{.name = "test_silent_server by timeout",
		 .test_func = test_silent_server,
		 .initial_state = "by timeout"},
		{.name = "test_silent_server by Ctrl-C",
		 .test_func = test_silent_server,
		 .initial_state = "by Ctrl-C"},
	};
	unsetenv("DEBUGINFOD_URLS");
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
