/*
 * pathlib's paths: Lib/pathlib.py (3.6-3.12), pathlib/_local.py (3.13), pathlib/__init__.py
 * (3.14+).  The text is kept once it has been asked for (_str); before that, what it is made of:
 * _drv, _root and _parts up to 3.11, _raw_paths since.
 */
#include "python/value_private.h"

#include <string.h>

enum { PATH_MAX_BYTES = 1 << 14, PIECES_MAX = 1 << 10 };

struct pieces {
	struct pw_values *v;
	struct pw_buffer *path;
	size_t count;
	bool raw; /* pieces as they were given, which may be absolute; else single components */
	bool failed;
};

/* As os.path.join(). */
static bool visit_piece(void *data, uint64_t key, uint64_t value)
{
	struct pieces *p = data;
	pw_auto_buffer struct pw_buffer text = {0};
	if (p->count++ >= PIECES_MAX || p->path->length > PATH_MAX_BYTES ||
	    !pw_values_name(p->v, value, &text)) {
		p->failed = true;
		return false;
	}
	const char *piece = text.data ? text.data : "";
	if (p->raw && *piece == '/')
		p->path->length = 0;
	else if (p->path->length && p->path->data[p->path->length - 1] != '/')
		pw_buffer_append_char(p->path, '/');
	pw_buffer_append_string(p->path, piece);
	return true;
}

/* Without empty and "." components; two slashes at the start, and no more, are kept. */
static void normalise(const char *from, struct pw_buffer *ret)
{
	size_t slashes = strspn(from, "/"), start = ret->length;
	pw_buffer_append(ret, "//", slashes == 2 ? 2 : slashes ? 1 : 0);
	bool first = true;
	while (*from) {
		from += strspn(from, "/");
		size_t length = strcspn(from, "/");
		if (length && !(length == 1 && *from == '.')) {
			if (!first)
				pw_buffer_append_char(ret, '/');
			pw_buffer_append(ret, from, length);
			first = false;
		}
		from += length;
	}
	if (ret->length == start)
		pw_buffer_append_char(ret, '.');
}

static bool join(struct pw_values *v, uint64_t list, bool raw, struct pw_buffer *ret)
{
	pw_auto_buffer struct pw_buffer path = {0};
	struct pieces pieces = {.v = v, .path = &path, .raw = raw};
	struct pw_vtype t;
	if (!pw_values_type(v, list, &t) || (t.kind != PW_VALUE_LIST && t.kind != PW_VALUE_TUPLE) ||
	    !pw_values_walk(v, list, &t, visit_piece, &pieces) || pieces.failed)
		return false;
	normalise(path.data ? path.data : "", ret);
	return true;
}

bool pw_values_path(struct pw_values *v, uint64_t object, const struct pw_vtype *t,
		    struct pw_buffer *ret)
{
	static const struct source {
		const char *attribute;
		bool raw;
	} sources[] = {{"_raw_paths", true}, {"_parts", false}, {"_raw_path", true}};
	struct pw_vtype of;
	uint64_t value = 0;
	if (pw_values_attribute(v, object, t, "_str", &value) && value &&
	    pw_values_type(v, value, &of) && of.kind == PW_VALUE_STR)
		return pw_values_name(v, value, ret);
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		if (!pw_values_attribute(v, object, t, sources[i].attribute, &value) || !value ||
		    !pw_values_type(v, value, &of))
			continue;
		if (of.kind == PW_VALUE_LIST || of.kind == PW_VALUE_TUPLE)
			return join(v, value, sources[i].raw, ret);
		pw_auto_buffer struct pw_buffer text = {0};
		if (of.kind != PW_VALUE_STR || !pw_values_name(v, value, &text))
			continue;
		normalise(text.data, ret);
		return true;
	}
	return false;
}
