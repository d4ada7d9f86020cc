/* Regular expressions of the user's, POSIX extended, over names.  Private to sample/. */
#ifndef PW_SAMPLE_PATTERN_H
#define PW_SAMPLE_PATTERN_H

#include "base/error.h"
#include "pywalk_report.h"

#include <regex.h>

/* Several expressions, any of which may be found. */
struct pw_patterns {
	regex_t *items;
	size_t count;
};
/* `what` is for messages: "--include". */
struct pw_error *pw_patterns_init(struct pw_patterns *patterns, const char *what,
				  const struct pw_texts *texts);
void pw_patterns_deinit(struct pw_patterns *patterns);
bool pw_patterns_match(const struct pw_patterns *patterns, const char *name);

/* s/REGEX/NAME/FLAGS, several of them, one after the other. */
struct pw_renames {
	struct pw_rename *items;
	size_t count;
};
struct pw_error *pw_renames_init(struct pw_renames *renames, const struct pw_texts *texts);
void pw_renames_deinit(struct pw_renames *renames);
/* The new name, which the caller frees; NULL: it stays as it is. */
struct pw_error *pw_renames_apply(const struct pw_renames *renames, const char *name, char **ret);

#endif
