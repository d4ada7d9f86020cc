#include "base/error.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pw_error {
	enum pw_error_code code;
	bool is_static;
	uint64_t address;
	char *message;
};

struct pw_error pw_error_nomem = {PW_ERROR_NOMEM, true, 0, (char *)"out of memory"};
struct pw_error pw_error_unreadable = {PW_ERROR_UNREADABLE, true, 0, (char *)"unreadable memory"};

static struct pw_error *make(enum pw_error_code code, uint64_t address, char *message)
{
	struct pw_error *error = message ? malloc(sizeof(*error)) : NULL;
	if (!error) {
		free(message);
		return &pw_error_nomem;
	}
	*error = (struct pw_error){code, false, address, message};
	return error;
}

static char *format_message(const char *format, va_list ap)
{
	char *message;
	return vasprintf(&message, format, ap) < 0 ? NULL : message;
}

struct pw_error *pw_error_create(enum pw_error_code code, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	char *message = format_message(format, ap);
	va_end(ap);
	return make(code, 0, message);
}

struct pw_error *pw_error_create_at(enum pw_error_code code, uint64_t address, const char *format,
				    ...)
{
	va_list ap;
	va_start(ap, format);
	char *message = format_message(format, ap);
	va_end(ap);
	return make(code, address, message);
}

static enum pw_error_code code_of_errno(int errnum)
{
	switch (errnum) {
	case EPERM:
	case EACCES:
		return PW_ERROR_PERMISSION;
	case ESRCH:
	case ENOENT:
		return PW_ERROR_NO_TARGET;
	case ENOMEM:
		return PW_ERROR_NOMEM;
	default:
		return PW_ERROR_IO;
	}
}

struct pw_error *pw_error_from_errno(int errnum, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	char *what = format_message(format, ap);
	va_end(ap);
	if (!what)
		return &pw_error_nomem;
	char reason[128];
	struct pw_error *error = pw_error_create(code_of_errno(errnum), "%s: %s", what,
						 strerror_r(errnum, reason, sizeof(reason)));
	free(what);
	return error;
}

struct pw_error *pw_error_prefix(struct pw_error *error, const char *format, ...)
{
	if (!error)
		return NULL;
	va_list ap;
	va_start(ap, format);
	char *context = format_message(format, ap);
	va_end(ap);
	if (!context)
		return error;
	struct pw_error *longer =
		pw_error_create_at(error->code, error->address, "%s: %s", context, error->message);
	free(context);
	pw_error_destroy(error);
	return longer;
}

enum pw_error_code pw_error_code(const struct pw_error *error)
{
	return error->code;
}

uint64_t pw_error_address(const struct pw_error *error)
{
	return error->address;
}

const char *pw_error_message(const struct pw_error *error)
{
	return error->message;
}

void pw_error_destroy(struct pw_error *error)
{
	if (!error || error->is_static)
		return;
	free(error->message);
	free(error);
}
