/* What a capture is to hold, and taking it: what commands that show stacks share. */
#include "cli/cli.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

void cli_take_locals(struct pw_capture_options *capture, const char *text,
		     const struct argp_state *state)
{
	capture->locals = true;
	capture->limits =
		(struct pw_value_limits){.depth = 3, .items = 10, .characters = 100, .bytes = 400};
	if (!text)
		return;
	errno = 0;
	unsigned long n = strtoul(text, NULL, 10);
	if (!text[0] || text[strspn(text, "0123456789")] || errno || n == 0 || n > UINT_MAX)
		argp_error(state, "--locals is a number from 1 on, not \"%s\"", text);
	capture->limits = (struct pw_value_limits){.depth = UINT_MAX,
						   .items = UINT_MAX,
						   .characters = (unsigned)n,
						   .bytes = (unsigned)n};
}

void cli_take_native(struct pw_capture_options *capture, const char *which,
		     const struct argp_state *state)
{
	if (!which || strcmp(which, "folded") == 0)
		capture->native = PW_NATIVE_FOLDED;
	else if (strcmp(which, "all") == 0)
		capture->native = PW_NATIVE_ALL;
	else
		argp_error(state, "--native is folded or all, not \"%s\"", which);
}

static struct pw_error *capture_once(const struct cli_common *common,
				     const struct cli_target *target,
				     struct pw_session **ret_session, struct pw_dump **ret_dump)
{
	struct pw_error *error = cli_open(common, target, ret_session);
	if (error)
		return error;
	cli_memory_expect(*ret_session, &common->capture);
	error = pw_session_capture(*ret_session, &common->capture, ret_dump);
	if (error)
		pw_session_close(*ret_session);
	return error;
}

/* Whether a process may have ended, or become another program, while it was looked at: the next
 * look tells. */
static bool is_doubtful(const struct pw_error *error, const struct pw_dump *dump)
{
	if (!error)
		return pw_dump_problem_count(dump) > 0;
	enum pw_error_code code = pw_error_code(error);
	return code != PW_ERROR_NO_TARGET && code != PW_ERROR_NOT_PYTHON;
}

struct pw_error *cli_capture(const struct cli_common *common, const struct cli_target *target,
			     bool may_end, struct pw_session **ret_session,
			     struct pw_dump **ret_dump)
{
	struct pw_error *error = capture_once(common, target, ret_session, ret_dump);
	for (unsigned i = 0; may_end && i < 2 && is_doubtful(error, *ret_dump); i++) {
		if (!error) {
			pw_dump_destroy(*ret_dump);
			pw_session_close(*ret_session);
			*ret_dump = NULL;
		}
		pw_error_destroy(error);
		error = capture_once(common, target, ret_session, ret_dump);
	}
	return error;
}
