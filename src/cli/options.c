/* The target and the options that every command has. */
#include "cli/cli.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	KEY_JSON = 0x100,
	KEY_COLOR,
	KEY_EXE,
	KEY_SYSROOT,
	KEY_LAYOUTS,
	KEY_DEBUG_DIR,
	KEY_NO_STOP,
};

static const struct argp_option options[] = {
	{"pid", 'p', "PID", 0, "The process to read (a target of digits alone is a pid as well)",
	 0},
	{"exe", KEY_EXE, "FILE", 0, "The program that the core came from", 0},
	{"json", KEY_JSON, NULL, 0, "Print JSON instead of text", 0},
	{"color", KEY_COLOR, "WHEN", 0,
	 "Style the text: auto (on a terminal, unless NO_COLOR is set), always or never", 0},
	{"no-stop", KEY_NO_STOP, NULL, 0, "Never stop the process; running stacks may be torn", 0},
	{"sysroot", KEY_SYSROOT, "DIR", 0, "Where the target's programs and libraries are found",
	 0},
	{"debug-dir", KEY_DEBUG_DIR, "DIR", 0,
	 "Where separate debug files are found (default /usr/lib/debug)", 0},
	{"layouts", KEY_LAYOUTS, "DIR", 0, "Use the layout files of DIR, not those built in", 0},
	{0},
};

static void take_pid(struct cli_common *common, const char *text, const struct argp_state *state)
{
	char *end;
	errno = 0;
	long pid = strtol(text, &end, 10);
	if (common->target)
		argp_error(state, "one target at a time: \"%s\" and \"%s\"", common->target, text);
	if (end == text || *end || text[strspn(text, "0123456789")])
		argp_error(state, "\"%s\" is not a process id", text);
	common->target = text;
	common->is_pid = true;
	common->pid = errno || pid > INT_MAX ? 0 : (pid_t)pid;
}

static void take_argument(struct cli_common *common, const char *text,
			  const struct argp_state *state)
{
	if (!common->target) {
		if (text[0] && !text[strspn(text, "0123456789")])
			take_pid(common, text, state);
		else
			common->target = text;
	} else if (common->is_pid) {
		argp_error(state, "a process needs no further argument than its id: \"%s\"", text);
	} else if (common->options.executable) {
		argp_error(state, "one executable at a time: \"%s\" and \"%s\"",
			   common->options.executable, text);
	} else {
		common->options.executable = text;
	}
}

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

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct cli_common *common = state->input;
	switch (key) {
	case 'p':
		take_pid(common, arg, state);
		return 0;
	case KEY_JSON:
		common->json = true;
		return 0;
	case KEY_COLOR:
		take_color(common, arg, state);
		return 0;
	case KEY_EXE:
		common->options.executable = arg;
		return 0;
	case KEY_SYSROOT:
		common->options.sysroot = arg;
		return 0;
	case KEY_LAYOUTS:
		common->options.layouts = arg;
		return 0;
	case KEY_DEBUG_DIR:
		common->options.debug_dir = arg;
		return 0;
	case KEY_NO_STOP:
		common->capture.no_stop = true;
		return 0;
	case ARGP_KEY_ARG:
		take_argument(common, arg, state);
		return 0;
	case ARGP_KEY_END:
		if (!common->target)
			argp_error(state, "which process or core file?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp cli_common_argp = {.options = options, .parser = parse};

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

static void hint_for(const struct cli_common *common, enum pw_error_code code)
{
	if (code == PW_ERROR_NO_TARGET && !common->is_pid)
		cli_hint("a target is a process id or a core file; see pywalk help");
	else if (code == PW_ERROR_NOT_PYTHON && !common->is_pid && !common->options.executable)
		cli_hint("if the program or its libraries are elsewhere now: pywalk dump --sysroot "
			 "DIR CORE EXE");
	else if (code == PW_ERROR_LAYOUT)
		cli_hint("the interpreter's debug symbols (--debug-dir) or a layout file "
			 "(--layouts) "
			 "would do");
}

enum cli_exit cli_open(const struct cli_common *common, struct pw_session **ret)
{
	if (common->is_pid && common->pid == 0) {
		cli_message("there is no process %s", common->target);
		return CLI_USAGE;
	}
	struct pw_error *error =
		common->is_pid ? pw_session_open_pid(common->pid, &common->options, ret)
			       : pw_session_open_core(common->target, &common->options, ret);
	if (!error)
		return CLI_OK;
	enum pw_error_code code = pw_error_code(error);
	enum cli_exit status = cli_report(error);
	hint_for(common, code);
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
	bool color = common->color == CLI_COLOR_ALWAYS ||
		     (common->color == CLI_COLOR_AUTO && !(no_color && no_color[0]) && term &&
		      strcmp(term, "dumb") != 0 && isatty(STDOUT_FILENO));
	return color ? PW_WRITE_COLOR : 0;
}
