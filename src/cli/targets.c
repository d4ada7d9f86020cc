/* Arguments that name targets. */
#include "cli/cli.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add(struct cli_targets *targets, const struct cli_target *target,
		const struct argp_state *state)
{
	struct cli_target *items =
		reallocarray(targets->items, targets->count + 1, sizeof(*targets->items));
	if (!items) {
		argp_failure(state, CLI_INCOMPLETE, ENOMEM, "%s", target->text);
		return;
	}
	targets->items = items;
	items[targets->count++] = *target;
}

void cli_take_pid(struct cli_targets *targets, const char *text, const struct argp_state *state)
{
	if (!text[0] || text[strspn(text, "0123456789")])
		argp_error(state, "\"%s\" is not a process id", text);
	errno = 0;
	long pid = strtol(text, NULL, 10);
	struct cli_target target = {.text = text, .is_pid = true};
	target.pid = errno || pid > INT_MAX ? 0 : (pid_t)pid;
	add(targets, &target, state);
}

/* Whether a file is an ELF program or library, as opposed to an ELF core or anything else. */
static bool is_program(const char *path)
{
	unsigned char header[EI_NIDENT + sizeof(Elf64_Half)];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return false;
	ssize_t got = pread(fd, header, sizeof(header), 0);
	close(fd);
	if (got != sizeof(header) || memcmp(header, ELFMAG, SELFMAG) != 0)
		return false;
	const unsigned char *type = header + EI_NIDENT;
	unsigned value =
		header[EI_DATA] == ELFDATA2MSB ? type[0] << 8 | type[1] : type[1] << 8 | type[0];
	return value == ET_EXEC || value == ET_DYN;
}

void cli_take_argument(struct cli_targets *targets, const char *text,
		       const struct argp_state *state)
{
	if (!text[0])
		argp_error(state, "an empty argument names no target");
	if (!text[strspn(text, "0123456789")]) {
		cli_take_pid(targets, text, state);
		return;
	}
	struct cli_target *last = targets->count ? &targets->items[targets->count - 1] : NULL;
	if (last && !last->is_pid && is_program(text)) {
		if (last->program)
			argp_error(state, "one program for a core: \"%s\" and \"%s\"",
				   last->program, text);
		last->program = text;
		return;
	}
	add(targets, &(struct cli_target){.text = text}, state);
}

const char *cli_target_problem(const struct cli_target *target)
{
	if (!target->is_pid)
		return NULL;
	if (!target->pid)
		return "there is no such process";
	return target->pid == getpid() ? "this is pywalk itself" : NULL;
}

void cli_targets_deinit(struct cli_targets *targets)
{
	free(targets->items);
}
