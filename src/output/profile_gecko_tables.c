#include "output/profile_gecko.h"

#include <stdlib.h>
#include <string.h>

static bool rows_init(struct pw_gecko_rows *rows, size_t items)
{
	rows->rows = calloc(items + 1, sizeof(*rows->rows));
	rows->items = malloc((items + 1) * sizeof(*rows->items));
	return rows->rows && rows->items;
}

static void rows_deinit(struct pw_gecko_rows *rows)
{
	free(rows->rows);
	free(rows->items);
}

/* Costs what was used, not what there is. */
static void rows_clear(struct pw_gecko_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		rows->rows[rows->items[i]] = 0;
	rows->count = 0;
}

static void rows_use(struct pw_gecko_rows *rows, uint32_t item)
{
	if (rows->rows[item])
		return;
	rows->items[rows->count++] = item;
	rows->rows[item] = (uint32_t)rows->count;
}

/* ---- texts --------------------------------------------------------------------------------- */

struct slot {
	const char *text;
	size_t at; /* index of text_of */
};

static int compare_slots(const void *a, const void *b)
{
	return strcmp(((const struct slot *)a)->text, ((const struct slot *)b)->text);
}

static void add_slot(struct slot *slots, size_t *count, const char *text, size_t at)
{
	if (text)
		slots[(*count)++] = (struct slot){text, at};
}

/* Numbers all texts; equal ones alike. */
static bool number_texts(struct pw_gecko_tables *t, size_t functions)
{
	size_t count = 0, all = functions * PW_GECKO_TEXTS, distinct = 0;
	struct slot *slots = malloc((all + 1) * sizeof(*slots));
	t->texts = malloc((all + 1) * sizeof(*t->texts));
	t->text_of = malloc((all + 1) * sizeof(*t->text_of));
	if (!slots || !t->texts || !t->text_of) {
		free(slots);
		return false;
	}
	for (size_t i = 0; i < functions; i++) {
		const struct pw_profile_function *f = pw_profile_function(t->profile, i);
		add_slot(slots, &count, f->name, i * PW_GECKO_TEXTS + PW_GECKO_NAME);
		add_slot(slots, &count, f->file, i * PW_GECKO_TEXTS + PW_GECKO_FILE);
		add_slot(slots, &count, f->module, i * PW_GECKO_TEXTS + PW_GECKO_MODULE);
	}
	for (size_t i = 0; i < all; i++)
		t->text_of[i] = PW_GECKO_NONE;
	qsort(slots, count, sizeof(*slots), compare_slots);
	for (size_t i = 0; i < count; i++) {
		if (!i || compare_slots(&slots[i - 1], &slots[i]))
			t->texts[distinct++] = slots[i].text;
		t->text_of[slots[i].at] = (uint32_t)(distinct - 1);
	}
	free(slots);
	return rows_init(&t->strings, distinct) && rows_init(&t->modules, distinct);
}

struct pw_error *pw_gecko_tables_init(struct pw_gecko_tables *tables,
				      const struct pw_profile *profile)
{
	size_t functions = pw_profile_function_count(profile);
	*tables = (struct pw_gecko_tables){.profile = profile};
	return rows_init(&tables->nodes, pw_profile_node_count(profile)) &&
			       rows_init(&tables->frames, pw_profile_frame_count(profile)) &&
			       rows_init(&tables->functions, functions) &&
			       number_texts(tables, functions)
		       ? NULL
		       : &pw_error_nomem;
}

void pw_gecko_tables_deinit(struct pw_gecko_tables *tables)
{
	rows_deinit(&tables->nodes);
	rows_deinit(&tables->frames);
	rows_deinit(&tables->functions);
	rows_deinit(&tables->strings);
	rows_deinit(&tables->modules);
	free(tables->texts);
	free(tables->text_of);
}

/* ---- of one thread ------------------------------------------------------------------------- */

static int compare_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static void use_nodes(struct pw_gecko_tables *t, const uint32_t *samples, size_t count)
{
	struct pw_gecko_rows *nodes = &t->nodes;
	for (size_t i = 0; i < count; i++) {
		uint32_t at = pw_profile_sample(t->profile, samples[i])->node;
		for (; at && !nodes->rows[at]; at = pw_profile_node(t->profile, at)->parent)
			rows_use(nodes, at);
	}
	/* A caller's number is less than those of what it calls. */
	qsort(nodes->items, nodes->count, sizeof(*nodes->items), compare_numbers);
	for (size_t i = 0; i < nodes->count; i++)
		nodes->rows[nodes->items[i]] = (uint32_t)i + 1;
}

void pw_gecko_tables_fill(struct pw_gecko_tables *t, const uint32_t *samples, size_t count)
{
	rows_clear(&t->nodes);
	rows_clear(&t->frames);
	rows_clear(&t->functions);
	rows_clear(&t->strings);
	rows_clear(&t->modules);
	use_nodes(t, samples, count);
	for (size_t i = 0; i < t->nodes.count; i++)
		rows_use(&t->frames, pw_profile_node(t->profile, t->nodes.items[i])->frame);
	for (size_t i = 0; i < t->frames.count; i++)
		rows_use(&t->functions, pw_profile_frame(t->profile, t->frames.items[i])->function);
	for (size_t i = 0; i < t->functions.count; i++) {
		for (unsigned which = 0; which < PW_GECKO_TEXTS; which++) {
			uint32_t text = pw_gecko_string(t, t->functions.items[i], which);
			if (text == PW_GECKO_NONE)
				continue;
			rows_use(&t->strings, text);
			if (which == PW_GECKO_MODULE)
				rows_use(&t->modules, text);
		}
	}
}
