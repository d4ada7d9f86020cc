/*
 * Read before every source by `make lint`: tells clang's analyzer what the attribute returns_nonnull of
 * base/error.h tells the compilers, so that it does not follow paths on which an error is no error.
 */
#include "base/error.h"

static inline struct pw_error *pw_analyzer_error(struct pw_error *error)
{
	if (!error)
		__builtin_unreachable();
	return error;
}

#define pw_error_create(...)	 pw_analyzer_error((pw_error_create)(__VA_ARGS__))
#define pw_error_create_at(...)	 pw_analyzer_error((pw_error_create_at)(__VA_ARGS__))
#define pw_error_from_errno(...) pw_analyzer_error((pw_error_from_errno)(__VA_ARGS__))
