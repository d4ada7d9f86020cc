/* What commands that sample share: the options that say what and how, and the command that is
 * sampled.
 */
#include "cli/sampling.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	KEY_CPU = 0x200,
	KEY_WALL,
	KEY_GIL,
	KEY_NO_IDLE,
	KEY_FUNCTION,
	KEY_LINE,
	KEY_MAX_FRAMES,
	KEY_ENGINE,
};

static const struct argp_option options[] = {
	{"rate", 'r', "N", 0, "Look N times a second (100)", 0},
	{"wall", KEY_WALL, NULL, 0, "All threads count, whether they run or not (so it is anyway)",
	 0},
	{"cpu", KEY_CPU, NULL, 0, "Only threads that run count", 0},
	{"gil", KEY_GIL, NULL, 0, "Only the thread that holds the GIL counts", 0},
	{"no-idle", KEY_NO_IDLE, NULL, 0, "With --wall: without threads that sleep", 0},
	{"native", 'n', "folded|all", OPTION_ARG_OPTIONAL,
	 "Also C frames; folded (unless given otherwise) leaves out the interpreter's own", 0},
	{"subprocesses", 's', "REGEX", OPTION_ARG_OPTIONAL,
	 "Also the processes that each process starts; with REGEX, those whose command fits it", 0},
	{"engine", KEY_ENGINE, "NAME", 0,
	 "How running threads are looked at: ptrace stops each for a moment, ebpf copies in their "
	 "own context by a clock that ticks while they run, peek never stops; auto is ebpf for "
	 "--cpu where it may be used, else ptrace",
	 0},
	{"function", KEY_FUNCTION, NULL, 0, "Tell functions apart, not their lines", 0},
	{"line", KEY_LINE, NULL, 0, "Tell lines apart (so it is anyway)", 0},
	{"max-frames", KEY_MAX_FRAMES, "N", 0, "At most N Python frames of each thread", 0},
	{0},
};

double cli_take_number(const char *option, const char *text, double most,
		       const struct argp_state *state)
{
	char *end;
	errno = 0;
	double value = strtod(text, &end);
	if (end == text || *end || errno || !(value > 0) || value > most)
		argp_error(state, "%s is a number above 0, up to %g, not \"%s\"", option, most,
			   text);
	return value;
}

static void take_wanted(struct cli_sampling *sampling, const char *pattern,
			const struct argp_state *state)
{
	char why[256];
	sampling->subprocesses = true;
	if (!pattern)
		return;
	if (sampling->has_wanted)
		regfree(&sampling->wanted);
	int failed = regcomp(&sampling->wanted, pattern, REG_EXTENDED | REG_NOSUB);
	sampling->has_wanted = !failed;
	if (!failed)
		return;
	regerror(failed, &sampling->wanted, why, sizeof(why));
	argp_error(state, "--subprocesses=%s: %s", pattern, why);
}

static void take_native(struct cli_sampling *sampling, const char *which,
			const struct argp_state *state)
{
	if (!which || strcmp(which, "folded") == 0)
		sampling->sampler.native = PW_NATIVE_FOLDED;
	else if (strcmp(which, "all") == 0)
		sampling->sampler.native = PW_NATIVE_ALL;
	else
		argp_error(state, "--native is folded or all, not \"%s\"", which);
}

static void take_engine(struct cli_sampling *sampling, const char *name,
			const struct argp_state *state)
{
	static const char *const names[] = {
		[PW_ENGINE_AUTO] = "auto",
		[PW_ENGINE_PTRACE] = "ptrace",
		[PW_ENGINE_EBPF] = "ebpf",
		[PW_ENGINE_PEEK] = "peek",
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0) {
			sampling->sampler.engine = (enum pw_engine)i;
			return;
		}
	}
	argp_error(state, "--engine is auto, ptrace, ebpf or peek, not \"%s\"", name);
}

/* All options have been parsed. */
static void check(struct cli_sampling *sampling, const struct argp_state *state)
{
	if (sampling->command && sampling->common->targets.count)
		argp_error(state, "processes or a command, not both");
	bool stops = sampling->sampler.engine == PW_ENGINE_PTRACE ||
		     sampling->sampler.engine == PW_ENGINE_EBPF;
	if (sampling->common->capture.no_stop && stops)
		argp_error(state, "--no-stop is the engine peek");
	if (sampling->common->capture.no_stop)
		sampling->sampler.engine = PW_ENGINE_PEEK;
	if (sampling->sampler.no_idle && sampling->sampler.clock != PW_CLOCK_WALL)
		argp_error(state, "--no-idle is for --wall: others count running threads anyway");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct cli_sampling *sampling = state->input;
	switch (key) {
	case 'r':
		sampling->sampler.rate = cli_take_number("--rate", arg, 1e6, state);
		return 0;
	case KEY_WALL:
		sampling->sampler.clock = PW_CLOCK_WALL;
		return 0;
	case KEY_CPU:
		sampling->sampler.clock = PW_CLOCK_CPU;
		return 0;
	case KEY_GIL:
		sampling->sampler.clock = PW_CLOCK_GIL;
		return 0;
	case KEY_NO_IDLE:
		sampling->sampler.no_idle = true;
		return 0;
	case 'n':
		take_native(sampling, arg, state);
		return 0;
	case 's':
		take_wanted(sampling, arg, state);
		return 0;
	case KEY_FUNCTION:
		sampling->sampler.functions = true;
		sampling->lines = false;
		return 0;
	case KEY_LINE:
		sampling->sampler.functions = false;
		sampling->lines = true;
		return 0;
	case KEY_ENGINE:
		take_engine(sampling, arg, state);
		return 0;
	case KEY_MAX_FRAMES:
		sampling->sampler.max_frames =
			(size_t)cli_take_number("--max-frames", arg, 1 << 20, state);
		return 0;
	case ARGP_KEY_ARG:
		/* What follows "--" is a command. */
		if (!state->quoted || state->next - 1 < state->quoted)
			return ARGP_ERR_UNKNOWN;
		sampling->command = &state->argv[state->next - 1];
		sampling->common->no_target = true;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_END:
		check(sampling, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp cli_sampling_argp = {.options = options, .parser = parse};

void cli_sampling_init(struct cli_sampling *sampling, struct cli_common *common)
{
	*sampling = (struct cli_sampling){.common = common,
					  .sampler = {.size = sizeof(sampling->sampler)}};
}

void cli_sampling_deinit(struct cli_sampling *sampling)
{
	if (sampling->has_wanted)
		regfree(&sampling->wanted);
}

const regex_t *cli_sampling_wanted(const struct cli_sampling *sampling)
{
	return sampling->has_wanted ? &sampling->wanted : NULL;
}

/* ---- the command ---- */

pid_t cli_start_command(char **command, void (*prepare)(void *data), void *data)
{
	int report[2], failed = 0;
	if (pipe2(report, O_CLOEXEC)) {
		cli_message("cannot start %s: %s", command[0], strerror(errno));
		return -1;
	}
	pid_t pid = fork();
	if (pid == 0) {
		if (prepare)
			prepare(data);
		cli_restore_inherited();
		execvp(command[0], command);
		failed = errno;
		if (write(report[1], &failed, sizeof(failed)) < 0)
			_exit(126);
		_exit(failed == ENOENT ? 127 : 126);
	}
	close(report[1]);
	if (pid < 0)
		failed = errno;
	else if (read(report[0], &failed, sizeof(failed)) > 0)
		waitpid(pid, NULL, 0);
	close(report[0]);
	if (!failed)
		return pid;
	cli_message("cannot start %s: %s", command[0], strerror(failed));
	return -failed;
}
