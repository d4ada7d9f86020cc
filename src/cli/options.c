/* The target and the options that every command has. */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	KEY_COLOR = 0x100,
	KEY_EXE,
	KEY_SYSROOT,
	KEY_LAYOUTS,
	KEY_DEBUG_DIR,
	KEY_NO_STOP,
};

/* Of commands that print what they find in a process or a core. */
static const struct argp_option options[] = {
	{"exe", KEY_EXE, "FILE", 0, "The program that the cores came from", 0},
	{"json", 'j', NULL, 0, "Print JSON instead of text", 0},
	{"color", KEY_COLOR, "WHEN", 0,
	 "Style the text: auto (on a terminal, unless NO_COLOR is set), always or never", 0},
	{0},
};

static const struct argp_option live_options[] = {
	{"pid", 'p', "PID", 0, "A process to read (a target of digits alone is a pid as well)", 0},
	{"output", 'o', "FILE", 0,
	 "Write to FILE, which is there or replaced only when it is complete (- is standard "
	 "output)",
	 0},
	{"no-stop", KEY_NO_STOP, NULL, 0, "Never stop the process; running stacks may be torn", 0},
	{"sysroot", KEY_SYSROOT, "DIR", 0, "Where the target's programs and libraries are found",
	 0},
	{"debug-dir", KEY_DEBUG_DIR, "DIR", 0,
	 "Where separate debug files are found (default /usr/lib/debug)", 0},
	{"layouts", KEY_LAYOUTS, "DIR", 0, "Use the layout files of DIR, not those built in", 0},
	{0},
};

static void take_color(struct cli_common *common, const char *text, const struct argp_state *state)
{
	static const char *const names[] = {"auto", "always", "never"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			common->color = (enum cli_color)i;
			return;
		}
	}
	argp_error(state, "--color is auto, always or never, not \"%s\"", text);
}

/* A folder that is not there would only show as something that is not found in it. */
static void check_folder(const char *option, const char *path, const struct argp_state *state)
{
	struct stat st;
	if (stat(path, &st))
		argp_error(state, "%s=%s: %s", option, path, strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		argp_error(state, "%s=%s: not a folder", option, path);
}

static void check(const struct cli_common *common, const struct argp_state *state)
{
	const struct cli_targets *targets = &common->targets;
	size_t cores = 0;
	if (!targets->count && !common->no_target)
		argp_error(state, "which process or core file?");
	if (common->single && targets->count > 1)
		argp_error(state, "one target at a time: \"%s\" and \"%s\"", targets->items[0].text,
			   targets->items[1].text);
	for (size_t i = 0; i < targets->count; i++) {
		const struct cli_target *target = &targets->items[i];
		cores += !target->is_pid;
		if (target->program && common->options.executable)
			argp_error(state, "one program for a core: \"%s\" and \"%s\"",
				   common->options.executable, target->program);
	}
	if (common->options.executable && !cores)
		argp_error(state, "--exe names the program of a core, and there is none: the "
				  "program of a process is known");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct cli_common *common = state->input;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = common;
		return 0;
	case 'j':
		common->json = true;
		return 0;
	case KEY_COLOR:
		take_color(common, arg, state);
		return 0;
	case KEY_EXE:
		common->options.executable = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_live(int key, char *arg, struct argp_state *state)
{
	struct cli_common *common = state->input;
	switch (key) {
	case 'p':
		cli_take_pid(&common->targets, arg, state);
		return 0;
	case 'o':
		common->output = arg;
		return 0;
	case KEY_SYSROOT:
		check_folder("--sysroot", arg, state);
		common->options.sysroot = arg;
		return 0;
	case KEY_LAYOUTS:
		check_folder("--layouts", arg, state);
		common->options.layouts = arg;
		return 0;
	case KEY_DEBUG_DIR:
		check_folder("--debug-dir", arg, state);
		common->options.debug_dir = arg;
		return 0;
	case KEY_NO_STOP:
		common->capture.no_stop = true;
		return 0;
	case ARGP_KEY_ARG:
		cli_take_argument(&common->targets, arg, state);
		return 0;
	case ARGP_KEY_END:
		check(common, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp cli_live_argp = {.options = live_options, .parser = parse_live};

static const struct argp_child children[] = {{&cli_live_argp, 0, NULL, 0}, {0}};
const struct argp cli_common_argp = {.options = options, .parser = parse, .children = children};

static void warn(void *data, const char *message)
{
	cli_message("warning: %s", message);
}

void cli_common_init(struct cli_common *common)
{
	*common = (struct cli_common){
		.options = {.size = sizeof(common->options), .warn = warn},
		.capture = {.size = sizeof(common->capture)},
	};
}

void cli_common_deinit(struct cli_common *common)
{
	cli_targets_deinit(&common->targets);
}

struct pw_error *cli_open(const struct cli_common *common, const struct cli_target *target,
			  struct pw_session **ret)
{
	struct pw_options options = common->options;
	if (target->is_pid)
		return pw_session_open_pid(target->pid, &options, ret);
	if (target->program)
		options.executable = target->program;
	return pw_session_open_core(target->text, &options, ret);
}

enum cli_exit cli_report_open(const struct cli_common *common, const struct cli_target *target,
			      struct pw_error *error)
{
	enum pw_error_code code = pw_error_code(error);
	bool program = target->program || common->options.executable;
	enum cli_exit status = cli_report(error);
	if (code == PW_ERROR_NO_TARGET && !target->is_pid)
		cli_hint("a target is a process id or a core file; see pywalk help");
	else if (code == PW_ERROR_NOT_PYTHON && !target->is_pid && !program)
		cli_hint("if the program or its libraries are elsewhere now: pywalk dump --exe "
			 "FILE --sysroot DIR CORE");
	else if (code == PW_ERROR_LAYOUT)
		cli_hint("the interpreter's debug symbols (--debug-dir) or a layout file "
			 "(--layouts) would do");
	return status;
}

const char *cli_format(const struct cli_common *common)
{
	return common->json ? "json" : "text";
}

unsigned cli_write_flags(const struct cli_common *common)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");
	bool color =
		common->color == CLI_COLOR_ALWAYS ||
		(common->color == CLI_COLOR_AUTO && !(no_color && no_color[0]) && term &&
		 strcmp(term, "dumb") != 0 &&
		 (!common->output || strcmp(common->output, "-") == 0) && isatty(STDOUT_FILENO));
	return color ? PW_WRITE_COLOR : 0;
}
