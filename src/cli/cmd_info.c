/* `pywalk info`: what the target is, and where each part of that knowledge came from. */
#include "cli/cli.h"

static error_t parse(int key, char *arg, struct argp_state *state)
{
	if (key != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	state->child_inputs[0] = state->input;
	return 0;
}

static const struct argp_child children[] = {{&cli_common_argp, 0, NULL, 0}, {0}};
static const struct argp argp = {
	.parser = parse,
	.args_doc = "PID|CORE",
	.doc = "Show the version and build of the interpreter, where each part of its layout came "
	       "from, its interpreters and threads, and who holds the GIL."
	       "\vExit status: as of pywalk dump.",
	.children = children,
};

/* Says what is missing on stderr; returns what the output came to. */
static struct pw_error *show(const struct cli_common *common, const struct pw_session *session,
			     const struct pw_dump *dump, enum cli_exit *status)
{
	for (size_t i = 0; i < pw_dump_problem_count(dump); i++) {
		cli_message("%s", pw_dump_problem(dump, i));
		*status = CLI_INCOMPLETE;
	}
	return pw_session_write_info(session, dump, cli_format(common), cli_write_flags(common),
				     cli_output_write, NULL);
}

static enum cli_exit info(const struct cli_common *common)
{
	const struct cli_target *target = &common->targets.items[0];
	struct pw_session *session;
	struct pw_dump *dump;
	const char *problem = cli_target_problem(target);
	if (problem) {
		cli_message("process %s: %s", target->text, problem);
		return CLI_USAGE;
	}
	enum cli_exit status = cli_output_open(common);
	if (status != CLI_OK)
		return status;

	struct pw_error *error = cli_open(common, target, &session);
	if (error) {
		status = cli_report_open(common, target, error);
		return cli_worse(status, cli_output_close(false, NULL));
	}
	error = pw_session_capture(session, &common->capture, &dump);
	if (error) {
		status = cli_report(error);
		status = cli_worse(status, cli_output_close(false, NULL));
	} else {
		error = show(common, session, dump, &status);
		status = cli_worse(status, cli_output_close(true, error));
		pw_dump_destroy(dump);
	}
	pw_session_close(session);
	return status;
}

static int run(int argc, char **argv)
{
	struct cli_common common;
	cli_common_init(&common);
	common.single = true;
	common.capture.native_only_threads = true;
	argp_parse(&argp, argc, argv, 0, NULL, &common);
	enum cli_exit status = info(&common);
	cli_common_deinit(&common);
	return status;
}

const struct cli_command cli_info = {
	.name = "info",
	.summary = "show what the interpreter is and how pywalk knows",
	.run = run,
};
