/*
 * The variables of a dump's frames: read and made text at the moment of which the dump is.
 *
 * In a pause everything is gone through once, so that its pages are in the snapshot, for as many
 * reads as a pause may take; the text is made afterwards from the copy.
 */
#include "stack/locals.h"

#include "python/value.h"
#include "python/variables.h"

#include <stdlib.h>
#include <string.h>

enum {
	PAUSE_READS = 40000,   /* of all frames of one thread */
	DUMP_READS = 50000000, /* of all values of one dump */
};

void pw_locals_touch(struct pw_capture *c, const struct pw_pyframes *frames)
{
	struct pw_value_limits limits = c->options->limits;
	unsigned left = PAUSE_READS;
	if (!c->options->locals)
		return;
	for (size_t i = 0; i < frames->count && left; i++) {
		struct pw_variables variables;
		pw_variables_read(c->python, &frames->items[i], &variables);
		for (size_t j = 0; j < variables.count && left; j++) {
			pw_auto_buffer struct pw_buffer text = {0};
			limits.reads = left;
			left -= pw_value_text(c->python, variables.items[j].object, &limits, &text);
		}
		left -= left < variables.count + 1 ? left : variables.count + 1;
		pw_variables_deinit(&variables);
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

size_t pw_frame_variable_count(const struct pw_frame *frame)
{
	return frame->variables ? frame->variables->count : 0;
}

const struct pw_variable *pw_frame_variable(const struct pw_frame *frame, size_t index)
{
	return &frame->variables->items[index];
}

uint64_t pw_frame_variables_more(const struct pw_frame *frame)
{
	return frame->variables ? frame->variables->more : 0;
}

const char *pw_frame_variables_problem(const struct pw_frame *frame)
{
	return frame->variables ? frame->variables->problem : NULL;
}

bool pw_frame_has_variables(const struct pw_frame *frame)
{
	return frame->variables != NULL;
}

uint64_t pw_frame_globals(const struct pw_frame *frame)
{
	return frame->variables ? frame->variables->globals : 0;
}

uint64_t pw_frame_builtins(const struct pw_frame *frame)
{
	return frame->variables ? frame->variables->builtins : 0;
}
