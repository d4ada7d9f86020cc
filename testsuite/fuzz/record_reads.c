/*
 * pywalk, and a list of what it read of a core: ADDRESS LENGTH a line, in the file that
 * PYWALK_READS names.  Linked with the whole command; the linker puts us between the layers.
 */
#include "target/target.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct pw_error *__real_pw_target_open_core(const char *path, const struct pw_options *options,
					    struct pw_target **ret);
struct pw_error *__wrap_pw_target_open_core(const char *path, const struct pw_options *options,
					    struct pw_target **ret);

static struct pw_target_ops recording;
static const struct pw_target_ops *real;
static FILE *list;

static struct pw_error *record(struct pw_target *target, uint64_t address, void *buffer,
			       size_t length, size_t *ret_done, enum pw_supplier *ret_supplier)
{
	struct pw_error *error =
		real->read(target, address, buffer, length, ret_done, ret_supplier);
	if (!error && *ret_done)
		fprintf(list, "%" PRIu64 " %zu\n", address, *ret_done);
	return error;
}

struct pw_error *__wrap_pw_target_open_core(const char *path, const struct pw_options *options,
					    struct pw_target **ret)
{
	struct pw_error *error = __real_pw_target_open_core(path, options, ret);
	const char *name = getenv("PYWALK_READS");
	if (error || !name || !(list = fopen(name, "ae")))
		return error;
	real = (*ret)->ops;
	recording = *real;
	recording.read = record;
	(*ret)->ops = &recording;
	return NULL;
}
