/* What `pywalk record` keeps of what it sees: by thread and function, and within a bound. */
#include "cli/record_keep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_THREADS = 0x400, KEY_INCLUDE, KEY_EXCLUDE, KEY_MAX_MEMORY };

static const struct argp_option options[] = {
	{"threads", KEY_THREADS, "TID|REGEX", 0,
	 "Only this thread, or those in whose name (Python's or the kernel's) the expression is "
	 "found; may be given several times",
	 0},
	{"include", KEY_INCLUDE, "REGEX", 0,
	 "Only samples with a function whose name this is found in; of several, any", 0},
	{"exclude", KEY_EXCLUDE, "REGEX", 0,
	 "No samples with a function whose name this is found in", 0},
	{"max-memory", KEY_MAX_MEMORY, "SIZE", 0,
	 "Hold at most so much of the profile in memory (1000000, 500K, 64M, 2G): a recording is "
	 "written earlier; where that does not help, sampling ends",
	 0},
	{0},
};

/* Bytes, or 1024 or so of them. */
static uint64_t take_size(const char *text, const struct argp_state *state)
{
	static const char units[] = "KMGT";
	char *end;
	errno = 0;
	unsigned long long size = strtoull(text, &end, 10);
	const char *unit = *end ? strchr(units, *end) : NULL;
	unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
	bool good = text[0] >= '0' && text[0] <= '9' && !errno && size &&
		    (!*end || (unit && !end[1])) && size <= (UINT64_MAX >> 1) >> shift;
	if (!good)
		argp_error(state,
			   "--max-memory is a size such as 1000000, 500K, 64M or 2G, not "
			   "\"%s\"",
			   text);
	return (uint64_t)size << shift;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct record_keep_arguments *arguments = state->input;
	switch (key) {
	case KEY_THREADS:
		cli_texts_add(&arguments->threads, arg);
		return 0;
	case KEY_INCLUDE:
		cli_texts_add(&arguments->include, arg);
		return 0;
	case KEY_EXCLUDE:
		cli_texts_add(&arguments->exclude, arg);
		return 0;
	case KEY_MAX_MEMORY:
		arguments->max_memory = take_size(arg, state);
		arguments->max_memory_text = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp record_keep_argp = {.options = options, .parser = parse};

void record_keep_arguments_deinit(struct record_keep_arguments *arguments)
{
	free(arguments->threads.items);
	free(arguments->include.items);
	free(arguments->exclude.items);
}

/* ---- choosing ---- */

static struct pw_texts as_texts(const struct cli_texts *texts)
{
	return (struct pw_texts){texts->items, texts->count};
}

static struct pw_error *choose(const struct record_keep *keep)
{
	const struct record_keep_arguments *arguments = keep->arguments;
	const struct pw_profile_filter filter = {
		.size = sizeof(filter),
		.thread_patterns = as_texts(&arguments->threads),
		.include = as_texts(&arguments->include),
		.exclude = as_texts(&arguments->exclude),
	};
	return pw_profile_filter_into(keep->live, &filter, keep->kept);
}

struct pw_error *record_keep_begin(struct record_keep *keep,
				   const struct record_keep_arguments *arguments,
				   struct pw_profile *live)
{
	*keep = (struct record_keep){.arguments = arguments, .live = live};
	if (!arguments->threads.count && !arguments->include.count && !arguments->exclude.count)
		return NULL;
	struct pw_error *error = pw_profile_create(pw_profile_info(live), &keep->kept);
	/* Nothing was seen yet: whether the expressions are some. */
	return error ? error : choose(keep);
}

struct pw_profile *record_keep_profile(const struct record_keep *keep)
{
	return keep->kept ? keep->kept : keep->live;
}

struct pw_error *record_keep_take(struct record_keep *keep)
{
	if (!keep->kept)
		return NULL;
	struct pw_error *error = choose(keep);
	if (error)
		return error;
	pw_profile_forget(keep->live);
	return pw_profile_set_info(keep->kept, pw_profile_info(keep->live));
}

bool record_keep_is_full(const struct record_keep *keep)
{
	uint64_t limit = keep->arguments->max_memory;
	return limit &&
	       pw_profile_memory(keep->live) + (keep->kept ? pw_profile_memory(keep->kept) : 0) >
		       limit;
}

void record_keep_note(const struct record_keep *keep)
{
	if (keep->kept && keep->arguments->threads.count && pw_profile_thread_count(keep->live) &&
	    !pw_profile_thread_count(keep->kept))
		cli_message("none of the %zu threads is one that --threads names",
			    pw_profile_thread_count(keep->live));
}

void record_keep_deinit(struct record_keep *keep)
{
	pw_profile_destroy(keep->kept);
}
