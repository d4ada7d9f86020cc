/*
 * Errors: what every function that can fail returns.
 *
 * NULL is success.  Outcomes that are expected on a hot path (unreadable memory, end of a chain,
 * out of memory) are static objects: returning them allocates nothing, and destroying them does
 * nothing. This module never prints.
 */
#ifndef PW_BASE_ERROR_H
#define PW_BASE_ERROR_H

#include "pywalk.h"

#include <stdarg.h>
#include <stdint.h>

/* Static errors.  pw_error_destroy() accepts them. */
extern struct pw_error pw_error_nomem;	    /* PW_ERROR_NOMEM */
extern struct pw_error pw_error_unreadable; /* PW_ERROR_UNREADABLE, the caller knows the address */

/*
 * Makes an error with a message in printf form.  The message names the object, its place and what
 * was expected.  Never returns NULL: without memory it returns &pw_error_nomem.  The caller owns
 * the result and hands it to pw_error_destroy().
 */
struct pw_error *pw_error_create(enum pw_error_code code, const char *format, ...)
	__attribute__((format(printf, 2, 3), returns_nonnull));

/* The same for PW_ERROR_UNREADABLE and PW_ERROR_CORRUPT, with the address that the error is about.
 */
struct pw_error *pw_error_create_at(enum pw_error_code code, uint64_t address, const char *format,
				    ...) __attribute__((format(printf, 3, 4), returns_nonnull));

/* An error from errno's value: "<what>: <strerror>", code EPERM/EACCES -> PERMISSION, ESRCH ->
 * NO_TARGET, ENOENT -> NO_TARGET, ENOMEM -> NOMEM, everything else -> IO. */
struct pw_error *pw_error_from_errno(int errnum, const char *format, ...)
	__attribute__((format(printf, 2, 3), returns_nonnull));

/* Puts "<context>: " in front of a message; takes `error` over and returns the new owner.  NULL
 * stays NULL. */
struct pw_error *pw_error_prefix(struct pw_error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static inline void pw_error_destroyp(struct pw_error **error)
{
	pw_error_destroy(*error);
}
/* `pw_auto_error struct pw_error *e = ...;` is destroyed when it leaves scope. */
#define pw_auto_error __attribute__((cleanup(pw_error_destroyp)))

#endif
