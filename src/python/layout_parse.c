/*
 * Parser of .def files; the format stands in layout.h.
 */
#include "python/layout.h"

#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_LENGTH = 256 };

struct parser {
	const char *name, *variant;
	unsigned line;
	bool has_version, in_section, wanted; /* wanted: in the section that was asked for */
	bool seen[PW_FIELD_COUNT];	      /* in this section */
	size_t next;			      /* the field that is likely to come next */
	struct pw_layout *layout;
	bool found;
};

static struct pw_error *expected(const struct parser *p, const char *what, const char *got)
{
	return pw_error_create(PW_ERROR_LAYOUT, "%s:%u: expected %s, found \"%.64s\"", p->name,
			       p->line, what, got);
}

/* A decimal number of at most `max`; moves *s behind it. */
static bool parse_number(const char **s, unsigned long max, unsigned long *ret)
{
	char *end;
	if (**s < '0' || **s > '9')
		return false;
	*ret = strtoul(*s, &end, 10);
	*s = end;
	return *ret <= max;
}

static struct pw_error *parse_version(struct parser *p, const char *text)
{
	unsigned long major, minor;
	const char *s = text;
	if (p->has_version || p->in_section)
		return expected(p, "one \"version\" line at the top", text);
	if (!parse_number(&s, 99, &major) || *s++ != '.' || !parse_number(&s, 999, &minor) || *s)
		return expected(p, "a version such as \"3.12\"", text);
	p->has_version = true;
	p->layout->major = major;
	p->layout->minor = minor;
	return NULL;
}

static bool parse_variant(const char *text, bool flags[3])
{
	static const char *const names[] = {"debug", "trace-refs", "free-threaded"};
	if (strcmp(text, "default") == 0)
		return true;
	for (int i = 0; i < 3; i++) {
		size_t length = strlen(names[i]);
		if (strncmp(text, names[i], length) != 0)
			continue;
		flags[i] = true;
		if (text[length] == '\0')
			return true;
		if (text[length] != '+')
			return false;
		text += length + 1;
	}
	return false;
}

static struct pw_error *parse_section(struct parser *p, char *text)
{
	bool flags[3] = {false};
	size_t length = strlen(text);
	if (!p->has_version)
		return expected(p, "a \"version\" line before the first section", text);
	if (text[length - 1] != ']')
		return expected(p, "\"]\" at the end of a section's name", text);
	text[length - 1] = '\0';
	if (!parse_variant(text + 1, flags))
		return expected(
			p, "\"default\" or flags of debug+trace-refs+free-threaded, in this order",
			text + 1);
	p->in_section = true;
	p->wanted = strcmp(text + 1, p->variant) == 0;
	memset(p->seen, 0, sizeof(p->seen));
	if (!p->wanted)
		return NULL;
	if (p->found)
		return expected(p, "each section once", text + 1);
	p->found = true;
	p->layout->debug = flags[0];
	p->layout->trace_refs = flags[1];
	p->layout->free_threaded = flags[2];
	return NULL;
}

/* "OFFSET", "OFFSET:BIT:BITS", then perhaps "debug=SLOT". */
static bool parse_field(const char *s, struct pw_field *field)
{
	unsigned long offset, bit = 0, bits = 0, slot;
	if (!parse_number(&s, PW_LAYOUT_OFFSET_MAX, &offset))
		return false;
	if (*s == ':') {
		s++;
		if (!parse_number(&s, 31, &bit) || *s++ != ':' ||
		    !parse_number(&s, 32 - bit, &bits) || bits == 0)
			return false;
	}
	field->offset = offset;
	field->bit = bit;
	field->bits = bits;
	if (*s == '\0')
		return true;
	s += strspn(s, " \t");
	if (strncmp(s, "debug=", 6) != 0)
		return false;
	s += 6;
	if (!parse_number(&s, PW_LAYOUT_OFFSET_MAX, &slot) || slot % 8 != 0 || *s)
		return false;
	field->debug_slot = slot;
	return true;
}

/* PW_FIELD_COUNT: there is none.  Files list them in our order. */
static size_t find_field(struct parser *p, const char *word)
{
	for (size_t n = 0; n < PW_FIELD_COUNT; n++) {
		size_t i = (p->next + n) % PW_FIELD_COUNT;
		if (strcmp(pw_field_infos[i].name, word) == 0) {
			p->next = i + 1;
			return i;
		}
	}
	return PW_FIELD_COUNT;
}

static struct pw_error *parse_item(struct parser *p, const char *word, const char *value)
{
	size_t i = find_field(p, word);
	if (i == PW_FIELD_COUNT)
		return expected(p, "the name of a field", word);
	if (!p->in_section)
		return expected(p, "a section such as \"[default]\" before the first field", word);
	if (p->seen[i])
		return expected(p, "each field once in a section", word);
	p->seen[i] = true;
	struct pw_field field = {.debug_slot = -1, .source = PW_LAYOUT_DEF};
	if (pw_field_infos[i].enumerator) {
		const char *s = value;
		unsigned long number;
		if (*s++ != '=' ||
		    (s += strspn(s, " \t"), !parse_number(&s, PW_LAYOUT_OFFSET_MAX, &number)) || *s)
			return expected(p, "\"= VALUE\" behind an enumerator", value);
		field.offset = number;
	} else if (!parse_field(value, &field)) {
		return expected(p, "\"OFFSET\" or \"OFFSET:BIT:BITS\", then perhaps \"debug=SLOT\"",
				value);
	}
	if (p->wanted)
		p->layout->all[i] = field;
	return NULL;
}

static struct pw_error *parse_line(struct parser *p, char *line)
{
	line[strcspn(line, "#")] = '\0';
	line += strspn(line, " \t\r");
	for (size_t length = strlen(line); length && strchr(" \t\r", line[length - 1]);)
		line[--length] = '\0';
	if (*line == '\0')
		return NULL;
	if (*line == '[')
		return parse_section(p, line);
	char *value = line + strcspn(line, " \t");
	if (*value) {
		*value++ = '\0';
		value += strspn(value, " \t");
	}
	if (strcmp(line, "version") == 0)
		return parse_version(p, value);
	return parse_item(p, line, value);
}

static void layout_clear(struct pw_layout *layout, const char *name)
{
	*layout = (struct pw_layout){0};
	for (size_t i = 0; i < PW_FIELD_COUNT; i++)
		layout->all[i] = (struct pw_field){.offset = -1, .debug_slot = -1};
	const char *base = strrchr(name, '/');
	strncpy(layout->def_name, base ? base + 1 : name, sizeof(layout->def_name) - 1);
}

struct pw_error *pw_layout_parse(const char *text, size_t length, const char *name,
				 const char *variant, struct pw_layout *ret, bool *ret_found)
{
	struct parser p = {.name = name, .variant = variant, .layout = ret};
	const char *end = text + length;
	layout_clear(ret, name);
	while (text < end) {
		char line[LINE_MAX_LENGTH];
		const char *newline = memchr(text, '\n', end - text);
		size_t line_length = (newline ? newline : end) - text;
		p.line++;
		if (line_length >= sizeof(line) || memchr(text, '\0', line_length))
			return expected(&p, "a line of text, at most 255 bytes", "something else");
		memcpy(line, text, line_length);
		line[line_length] = '\0';
		struct pw_error *error = parse_line(&p, line);
		if (error)
			return error;
		text += line_length + (newline != NULL);
	}
	if (!p.has_version)
		return expected(&p, "a \"version\" line", "the end of the file");
	*ret_found = p.found;
	return NULL;
}
