/*
 * Layouts: .def files and _Py_DebugOffsets.  Input: a byte, then what is parsed.  The byte's lower
 * half says which variant is asked for; its upper half, when not zero, which built-in layout the
 * bytes are a _Py_DebugOffsets for.
 */
#include "fuzz.h"

#include "python/layout.h"

static const char *const variants[] = {"default",	   "debug",	    "trace-refs",
				       "debug+trace-refs", "free-threaded", "debug+free-threaded"};
enum { VARIANTS = sizeof(variants) / sizeof(variants[0]) };

static void check(const struct pw_layout *layout)
{
	for (size_t i = 0; i < PW_FIELD_COUNT; i++) {
		const struct pw_field *field = &layout->all[i];
		FUZZ_EXPECT(field->offset >= -1 && field->offset <= PW_LAYOUT_OFFSET_MAX);
		FUZZ_EXPECT(field->debug_slot >= -1 && field->debug_slot <= PW_LAYOUT_OFFSET_MAX);
		FUZZ_EXPECT(field->bit + field->bits <= 32);
	}
}

static void finish(struct pw_layout *layout)
{
	pw_auto_error struct pw_error *error = pw_layout_finish(layout);
	if (error)
		FUZZ_EXPECT(pw_error_message(error)[0]);
}

static void parse(const char *variant, const uint8_t *data, size_t size)
{
	struct pw_layout layout;
	bool found = false;
	pw_auto_error struct pw_error *error =
		pw_layout_parse((const char *)data, size, "fuzz.def", variant, &layout, &found);
	check(&layout);
	if (!error && found)
		finish(&layout);
}

static void overlay(const struct pw_builtin_layout *file, const char *variant, const uint8_t *data,
		    size_t size)
{
	struct pw_layout layout;
	bool found = false;
	pw_auto_error struct pw_error *error =
		pw_layout_parse(file->text, file->length, file->name, variant, &layout, &found);
	FUZZ_EXPECT(!error);
	size_t needed = pw_layout_table_size(&layout);
	if (!found || !needed)
		return;
	/* As in a target, where the cookie and the version have been seen before. */
	uint8_t *table = calloc(1, needed > size ? needed : size);
	FUZZ_EXPECT(table);
	memcpy(table, data, size);
	const uint64_t head[] = {(uint64_t)layout.major << 24 | (uint64_t)layout.minor << 16,
				 layout.free_threaded};
	memcpy(table, "xdebugpy", 8);
	memcpy(table + 8, head, sizeof(head));
	pw_auto_error struct pw_error *bad =
		pw_layout_overlay(&layout, table, size > 24 ? size : 24);
	check(&layout);
	if (!bad)
		finish(&layout);
	free(table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	unsigned choice = (unsigned)fuzz_take(&input, 1);
	const char *variant = variants[(choice & 15) % VARIANTS];
	if (choice >> 4)
		overlay(&pw_builtin_layouts[(choice >> 4) % pw_builtin_layout_count], variant,
			input.at, input.left);
	else
		parse(variant, input.at, input.left);
	return 0;
}
