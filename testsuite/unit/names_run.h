/*
 * A program of names_program.h that runs, and is seen from outside.  Include after <cmocka.h>.
 */
#ifndef TEST_NAMES_RUN_H
#define TEST_NAMES_RUN_H

#include "binary/names.h"
#include "folder.h"
#include "names_program.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PLACES_MAX = 16 };

struct place {
	uint64_t address;
	char chain[256];
};

/* A program that runs, seen from outside. */
struct run {
	pid_t pid;
	struct place places[PLACES_MAX];
	size_t count;
	struct pw_target *target;
	struct pw_modules *modules;
};

static int __attribute__((format(printf, 1, 2))) shell(const char *format, ...)
{
	char command[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return system(command);
}

static bool has(const char *tool)
{
	return shell("command -v %s >/dev/null 2>&1", tool) == 0;
}

/* The program `name` in the folder. */
static void compile(const char *compiler, const char *flags, const char *name)
{
	bool cxx = strstr(compiler, "++");
	const char *source = in_folder(cxx ? "names.cc" : "names.c");

	write_file(source, cxx ? names_cxx : names_c, strlen(cxx ? names_cxx : names_c));
	assert_int_equal(
		shell("%s -Wl,--build-id %s -o %s %s", compiler, flags, in_folder(name), source),
		0);
}

static void reopen(struct run *run, const char *debug_dir)
{
	pw_modules_destroy(run->modules);
	run->modules = NULL;
	assert_null(pw_modules_create(run->target, debug_dir, &run->modules));
}

static void start(struct run *run, const char *name, const char *debug_dir)
{
	char line[512];
	int fds[2];

	*run = (struct run){0};
	assert_int_equal(pipe(fds), 0);
	run->pid = fork();
	if (run->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(fds[1], 1);
		execl(in_folder(name), name, NULL);
		_exit(1);
	}
	close(fds[1]);
	FILE *output = fdopen(fds[0], "r");
	assert_non_null(output);
	while (fgets(line, sizeof(line), output) && strcmp(line, "end\n") != 0) {
		struct place *place = &run->places[run->count++];
		int used = 0;
		assert_true(run->count <= PLACES_MAX);
		assert_int_equal(sscanf(line, "%lx %n", &place->address, &used), 1);
		snprintf(place->chain, sizeof(place->chain), "%s", line + used);
		place->chain[strcspn(place->chain, "\n")] = 0;
	}
	fclose(output);
	assert_true(run->count > 3);
	assert_null(pw_target_open_live(run->pid, NULL, &run->target));
	reopen(run, debug_dir);
}

static void stop(struct run *run)
{
	pw_modules_destroy(run->modules);
	pw_target_destroy(run->target);
	kill(run->pid, SIGKILL);
	waitpid(run->pid, NULL, 0);
}

#endif
