#include "sample/pattern.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROUPS = 10 }; /* the whole match, and \1 to \9 */

static struct pw_error *compile(regex_t *regex, int flags, const char *text, char *ret_why,
				size_t room)
{
	int code = regcomp(regex, text, REG_EXTENDED | flags);
	ret_why[0] = 0;
	if (code == REG_ESPACE)
		return &pw_error_nomem;
	if (code)
		regerror(code, regex, ret_why, room);
	return NULL;
}

struct pw_error *pw_patterns_init(struct pw_patterns *patterns, const char *what,
				  const struct pw_texts *texts)
{
	char why[128];
	*patterns = (struct pw_patterns){.items = calloc(texts->count + 1, sizeof(regex_t))};
	if (!patterns->items)
		return &pw_error_nomem;
	for (size_t i = 0; i < texts->count; i++) {
		struct pw_error *error =
			compile(&patterns->items[i], REG_NOSUB, texts->items[i], why, sizeof(why));
		if (error)
			return error;
		if (why[0])
			return pw_error_create(PW_ERROR_USAGE,
					       "%s: \"%s\" is no extended regular expression: %s",
					       what, texts->items[i], why);
		patterns->count++;
	}
	return NULL;
}

void pw_patterns_deinit(struct pw_patterns *patterns)
{
	for (size_t i = 0; i < patterns->count; i++)
		regfree(&patterns->items[i]);
	free(patterns->items);
	*patterns = (struct pw_patterns){0};
}

bool pw_patterns_match(const struct pw_patterns *patterns, const char *name)
{
	for (size_t i = 0; i < patterns->count; i++)
		if (!regexec(&patterns->items[i], name, 0, NULL, 0))
			return true;
	return false;
}

/* ---- s/REGEX/NAME/ ---- */

struct pw_rename {
	regex_t regex;
	bool compiled, all;
	char *to; /* with its backslashes */
};

/* Takes the part up to the next delimiter out of `text` at *at, and moves *at behind that; NULL:
 * there is no delimiter.  A delimiter behind a backslash is a part of the text. */
static char *take_part(const char *text, size_t *at, char delimiter, struct pw_buffer *b)
{
	for (size_t i = *at; text[i]; i++) {
		if (text[i] == delimiter) {
			*at = i + 1;
			pw_buffer_append(b, "", 0);
			return pw_buffer_steal(b);
		}
		if (text[i] == '\\' && text[i + 1] == delimiter)
			i++;
		else if (text[i] == '\\' && text[i + 1])
			pw_buffer_append_char(b, text[i++]);
		pw_buffer_append_char(b, text[i]);
	}
	return NULL;
}

static struct pw_error *bad(const char *text, size_t at, const char *why)
{
	return pw_error_create(PW_ERROR_USAGE,
			       "--fold: \"%s\", character %zu: %s; s/REGEX/NAME/ was expected",
			       text, at + 1, why);
}

/* Groups that the new name uses must be there. */
static struct pw_error *check_groups(const struct pw_rename *rename, const char *text, size_t at)
{
	char why[64];
	for (const char *p = rename->to; *p; p++) {
		if (*p != '\\' || !p[1])
			continue;
		p++;
		if (*p < '1' || *p > '9' || (size_t)(*p - '0') <= rename->regex.re_nsub)
			continue;
		snprintf(why, sizeof(why), "\\%c in the name, of %zu groups", *p,
			 rename->regex.re_nsub);
		return bad(text, at, why);
	}
	return NULL;
}

static struct pw_error *parse_flags(struct pw_rename *rename, const char *text, size_t at,
				    int *ret_flags)
{
	for (; text[at]; at++) {
		if (text[at] == 'g')
			rename->all = true;
		else if (text[at] == 'i' || text[at] == 'I')
			*ret_flags |= REG_ICASE;
		else
			return bad(text, at, "there are only the flags g and i");
	}
	return NULL;
}

static struct pw_error *parse_rename(struct pw_rename *rename, const char *text)
{
	char why[128];
	int flags = 0;
	size_t at = 2;
	pw_auto_buffer struct pw_buffer b = {0}, c = {0};
	if (text[0] != 's')
		return bad(text, 0, "it does not begin with s");
	char delimiter = text[1];
	if (!delimiter || delimiter == '\\' || delimiter == '\n')
		return bad(text, 1, "no delimiter");
	char *from = take_part(text, &at, delimiter, &b);
	if (!from)
		return b.failed ? &pw_error_nomem
				: bad(text, strlen(text), "the expression has no end");
	size_t to_at = at;
	struct pw_error *error = NULL;
	rename->to = take_part(text, &at, delimiter, &c);
	if (!rename->to)
		error = c.failed ? &pw_error_nomem : bad(text, strlen(text), "the name has no end");
	else if (!from[0])
		error = bad(text, 2, "the expression is empty");
	else
		error = parse_flags(rename, text, at, &flags);
	if (!error) {
		error = compile(&rename->regex, flags, from, why, sizeof(why));
		rename->compiled = !error && !why[0];
	}
	if (!error)
		error = why[0] ? bad(text, 2, why) : check_groups(rename, text, to_at);
	free(from);
	return error;
}

struct pw_error *pw_renames_init(struct pw_renames *renames, const struct pw_texts *texts)
{
	*renames = (struct pw_renames){.items = calloc(texts->count + 1, sizeof(struct pw_rename))};
	if (!renames->items)
		return &pw_error_nomem;
	struct pw_error *error = NULL;
	for (; !error && renames->count < texts->count; renames->count++)
		error = parse_rename(&renames->items[renames->count], texts->items[renames->count]);
	return error;
}

void pw_renames_deinit(struct pw_renames *renames)
{
	for (size_t i = 0; i < renames->count; i++) {
		if (renames->items[i].compiled)
			regfree(&renames->items[i].regex);
		free(renames->items[i].to);
	}
	free(renames->items);
	*renames = (struct pw_renames){0};
}

static void append_group(struct pw_buffer *b, const char *name, const regmatch_t *match)
{
	if (match->rm_so >= 0)
		pw_buffer_append(b, name + match->rm_so, (size_t)(match->rm_eo - match->rm_so));
}

/* What a match is replaced by: & is the match, \1 to \9 its groups. */
static void append_new(struct pw_buffer *b, const struct pw_rename *rename, const char *name,
		       const regmatch_t *matches)
{
	for (const char *p = rename->to; *p; p++) {
		if (*p == '&') {
			append_group(b, name, &matches[0]);
		} else if (*p == '\\' && p[1]) {
			p++;
			if (*p >= '0' && *p <= '9')
				append_group(b, name, &matches[*p - '0']);
			else
				pw_buffer_append_char(b, *p);
		} else {
			pw_buffer_append_char(b, *p);
		}
	}
}

/* Whether something was found; the new name is in `b` then. */
static bool replace(const struct pw_rename *rename, const char *name, struct pw_buffer *b)
{
	regmatch_t matches[GROUPS];
	bool found = false;
	size_t at = 0, last = SIZE_MAX;
	while (!regexec(&rename->regex, name + at, GROUPS, matches, at ? REG_NOTBOL : 0)) {
		size_t start = at + (size_t)matches[0].rm_so, end = at + (size_t)matches[0].rm_eo;
		found = true;
		pw_buffer_append(b, name + at, start - at);
		/* As sed: nothing at the end of what was just replaced is no match of its own. */
		if (start != end || start != last)
			append_new(b, rename, name + at, matches);
		if (start == end && !name[end])
			return true;
		/* It would be found again. */
		if (start == end)
			pw_buffer_append_char(b, name[end]);
		at = end + (start == end);
		last = end;
		if (!rename->all)
			break;
	}
	pw_buffer_append_string(b, name + at);
	return found;
}

struct pw_error *pw_renames_apply(const struct pw_renames *renames, const char *name, char **ret)
{
	char *now = NULL;
	for (size_t i = 0; i < renames->count; i++) {
		pw_auto_buffer struct pw_buffer b = {0};
		const char *before = now ? now : name;
		pw_buffer_append(&b, "", 0);
		if (replace(&renames->items[i], before, &b) && !b.failed &&
		    strcmp(before, b.data) != 0) {
			/* Expressions go by bytes, and may have cut characters. */
			pw_auto_buffer struct pw_buffer valid = {0};
			pw_text_append_bytes(&valid, b.data, b.length);
			free(now);
			now = pw_buffer_steal(&valid);
			b.failed = !now;
		}
		if (b.failed) {
			free(now);
			return &pw_error_nomem;
		}
	}
	*ret = now;
	return NULL;
}
