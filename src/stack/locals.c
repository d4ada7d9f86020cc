/*
 * The variables of a dump's frames: read and made text at the moment of which the dump is.
 *
 * What will be needed is gone through once while the threads still run, which tells the pages to
 * copy.  In the pause only what may be new since then is gone through again: new frames, and the
 * newest frame.  The text is made afterwards from the copy.
 */
#include "stack/locals.h"

#include "python/value.h"
#include "python/variables.h"

#include <stdlib.h>
#include <string.h>

enum {
	TOUCH_READS = 40000,   /* of all frames of one thread */
	DUMP_READS = 50000000, /* of all values of one dump */
	SEEN_MAX = 1 << 18,
};

/* ---- what was there when the threads still ran ---- */

static size_t place_of(const struct pw_seen *seen, uint64_t item)
{
	size_t i = (size_t)((item * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
	while (seen->items[i & (seen->capacity - 1)] &&
	       seen->items[i & (seen->capacity - 1)] != item)
		i++;
	return i & (seen->capacity - 1);
}

static bool has_seen(const struct pw_seen *seen, uint64_t item)
{
	return seen->capacity && seen->items[place_of(seen, item)] == item;
}

/* Half full at most.  What there is no room for is only looked at again. */
static void note(struct pw_seen *seen, uint64_t item)
{
	if (!item || seen->count >= SEEN_MAX)
		return;
	if (seen->count * 2 >= seen->capacity) {
		struct pw_seen larger = {.capacity = seen->capacity ? seen->capacity * 2 : 1024};
		larger.items = calloc(larger.capacity, sizeof(*larger.items));
		if (!larger.items)
			return;
		for (size_t i = 0; i < seen->capacity; i++)
			if (seen->items[i])
				larger.items[place_of(&larger, seen->items[i])] = seen->items[i];
		larger.count = seen->count;
		free(seen->items);
		*seen = larger;
	}
	size_t place = place_of(seen, item);
	seen->count += seen->items[place] == 0;
	seen->items[place] = item;
}

void pw_locals_forget_seen(struct pw_capture *c)
{
	free(c->seen.items);
	c->seen = (struct pw_seen){0};
}

/* A frame's storage is used again by the next call: another function, another frame. */
static uint64_t frame_mark(const struct pw_pyframe *frame)
{
	return frame->address ^ frame->code << 1 ^ 1;
}

static unsigned touch_frame(struct pw_capture *c, const struct pw_pyframe *frame, unsigned left)
{
	struct pw_variables variables;
	struct pw_value_limits limits = c->options->limits;
	pw_variables_read(c->python, frame, &variables);
	unsigned spent = (unsigned)variables.count + 1;
	for (size_t j = 0; j < variables.count && spent < left; j++) {
		uint64_t object = variables.items[j].object;
		pw_auto_buffer struct pw_buffer text = {0};
		if (!object)
			continue;
		limits.reads = left - spent;
		spent += pw_value_text(c->python, object, &limits, &text);
	}
	pw_variables_deinit(&variables);
	return spent < left ? spent : left;
}

void pw_locals_touch(struct pw_capture *c, const struct pw_pyframes *frames, bool ahead)
{
	unsigned left = TOUCH_READS;
	if (!c->options->locals)
		return;
	for (size_t i = 0; i < frames->count && left; i++) {
		uint64_t mark = frame_mark(&frames->items[i]);
		if (!ahead && i && has_seen(&c->seen, mark))
			continue;
		left -= touch_frame(c, &frames->items[i], left);
		if (ahead)
			note(&c->seen, mark);
	}
}

static char *value_text(struct pw_capture *c, uint64_t object)
{
	pw_auto_buffer struct pw_buffer text = {0};
	struct pw_value_limits limits = c->options->limits;
	unsigned reads = limits.reads ? limits.reads : 20000;
	uint64_t left = DUMP_READS - c->value_reads;
	limits.reads = left > reads ? reads : left ? (unsigned)left : 1;
	c->value_reads += pw_value_text(c->python, object, &limits, &text);
	if (c->value_reads > DUMP_READS)
		c->value_reads = DUMP_READS;
	return text.failed ? NULL : pw_buffer_steal(&text);
}

static struct pw_error *fill(struct pw_capture *c, struct pw_variables *from,
			     struct pw_frame_variables *to)
{
	to->items = calloc(from->count + 1, sizeof(*to->items));
	if (!to->items)
		return &pw_error_nomem;
	to->more = from->more;
	to->globals = from->globals;
	to->builtins = from->builtins;
	for (size_t i = 0; i < from->count; i++) {
		struct pw_variable_slot *slot = &from->items[i];
		struct pw_variable *variable = &to->items[to->count++];
		*variable = (struct pw_variable){slot->name, slot->kind, slot->object, NULL};
		slot->name = NULL;
		if (slot->object && !(variable->value = value_text(c, slot->object)))
			return &pw_error_nomem;
	}
	if (from->error)
		to->problem = strdup(pw_error_message(from->error));
	return NULL;
}

struct pw_error *pw_locals_make(struct pw_capture *c, const struct pw_pyframe *frame,
				struct pw_frame_variables **ret)
{
	struct pw_variables variables;
	struct pw_frame_variables *made = calloc(1, sizeof(*made));
	if (!made)
		return &pw_error_nomem;
	pw_object_budget(c->python);
	pw_variables_read(c->python, frame, &variables);
	struct pw_error *error = fill(c, &variables, made);
	if (!error && made->problem)
		pw_capture_problem(c->dump, made->problem);
	pw_variables_deinit(&variables);
	if (error)
		pw_locals_destroy(made);
	else
		*ret = made;
	return error;
}

void pw_locals_destroy(struct pw_frame_variables *variables)
{
	if (!variables)
		return;
	for (size_t i = 0; i < variables->count; i++) {
		free((char *)variables->items[i].name);
		free((char *)variables->items[i].value);
	}
	free(variables->items);
	free(variables->problem);
	free(variables);
}

/* ---- accessors ---- */

const char *pw_variable_kind_name(enum pw_variable_kind kind)
{
	static const char *const names[] = {
		[PW_VARIABLE_ARGUMENT] = "argument", [PW_VARIABLE_VARARGS] = "varargs",
		[PW_VARIABLE_KEYWORD] = "keyword",   [PW_VARIABLE_VARKEYWORDS] = "varkeywords",
		[PW_VARIABLE_LOCAL] = "local",	     [PW_VARIABLE_CELL] = "cell",
		[PW_VARIABLE_FREE] = "free",	     [PW_VARIABLE_COMPREHENSION] = "comprehension",
		[PW_VARIABLE_NAME] = "name",
	};
	return (size_t)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "unknown";
}

static const struct pw_frame_variables *variables_of(const struct pw_frame *frame)
{
	static const struct pw_frame_variables none;
	return frame->kind == PW_FRAME_PYTHON && frame->variables ? frame->variables : &none;
}

size_t pw_frame_variable_count(const struct pw_frame *frame)
{
	return variables_of(frame)->count;
}

const struct pw_variable *pw_frame_variable(const struct pw_frame *frame, size_t index)
{
	return &variables_of(frame)->items[index];
}

uint64_t pw_frame_variables_more(const struct pw_frame *frame)
{
	return variables_of(frame)->more;
}

const char *pw_frame_variables_problem(const struct pw_frame *frame)
{
	return variables_of(frame)->problem;
}

bool pw_frame_has_variables(const struct pw_frame *frame)
{
	return frame->kind == PW_FRAME_PYTHON && frame->variables;
}

uint64_t pw_frame_globals(const struct pw_frame *frame)
{
	return variables_of(frame)->globals;
}

uint64_t pw_frame_builtins(const struct pw_frame *frame)
{
	return variables_of(frame)->builtins;
}
