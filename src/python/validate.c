/*
 * Checks a layout on the target before it is believed: the interpreter list, a thread state that
 * points back, type objects that name themselves, a code object whose fields agree with each other.
 */
#include "python/code.h"
#include "python/interp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum pw_validity verdict(struct pw_error *error, const char *what, char *check, size_t size)
{
	bool missing = pw_error_code(error) == PW_ERROR_UNREADABLE;
	snprintf(check, size, "%s: %s", what, pw_error_message(error));
	pw_error_destroy(error);
	return missing ? PW_UNCHECKABLE : PW_INVALID;
}

static enum pw_validity check_type_type(struct pw_python *python, char *check, size_t size)
{
	char name[PW_TYPE_NAME_MAX + 1];
	if (!python->type_type)
		return PW_VALID;
	struct pw_error *error = pw_object_type_name(python, python->type_type, name);
	if (error)
		return verdict(error, "type object", check, size);
	if (strcmp(name, "type") != 0) {
		snprintf(check, size, "PyType_Type at 0x%" PRIx64 ": expected tp_name \"type\"",
			 python->type_type);
		return PW_INVALID;
	}
	return PW_VALID;
}

static enum pw_validity check_code(struct pw_python *python, uint64_t address, char *check,
				   size_t size)
{
	struct pw_code code;
	pw_code_load(python, address, &code);
	enum pw_validity validity = PW_VALID;
	if (code.error) {
		validity = verdict(code.error, "code object", check, size);
		code.error = NULL;
	} else if (code.firstlineno < 0 || code.firstlineno > 1 << 30) {
		snprintf(check, size, "code object 0x%" PRIx64 ": first line %d", address,
			 code.firstlineno);
		validity = PW_INVALID;
	}
	pw_code_deinit(&code);
	return validity;
}

/* The frames of a few threads: one whose code object is whole is enough, since any may be damaged.
 */
static enum pw_validity check_frames(struct pw_python *python, const struct pw_runtime_lists *lists,
				     char *check, size_t size)
{
	enum { THREADS = 16, FRAMES = 8 };
	enum pw_validity worst = PW_VALID;
	for (size_t i = 0; i < lists->tstate_count && i < THREADS; i++) {
		struct pw_pyframes frames;
		pw_frames_walk(python, lists->tstates[i].address, FRAMES, &frames);
		for (size_t j = 0; j < frames.count; j++) {
			enum pw_validity validity =
				check_code(python, frames.items[j].code, check, size);
			if (validity == PW_VALID) {
				pw_frames_deinit(&frames);
				*check = 0;
				return PW_VALID;
			}
			if (worst != PW_INVALID)
				worst = validity;
		}
		pw_frames_deinit(&frames);
	}
	return worst;
}

static enum pw_validity check_lists(struct pw_python *python, const struct pw_runtime_lists *lists,
				    const struct pw_notes *notes, char *check, size_t size)
{
	uint64_t head;
	struct pw_error *error = pw_read_u64(python->target, python->head_slot, &head);
	/* Found without the list, by what a thread state has to look like. */
	if (error && lists->tstate_count) {
		pw_error_destroy(error);
		return PW_VALID;
	}
	if (error)
		return verdict(error, "interpreter list", check, size);
	if (head == 0) {
		snprintf(check, size, "interpreter list at 0x%" PRIx64 " is empty",
			 python->head_slot);
		return PW_UNCHECKABLE;
	}
	if (lists->tstate_count)
		return PW_VALID;
	snprintf(check, size, "%s", notes->count ? notes->texts[0] : "no thread state found");
	return lists->interp_count && !notes->count ? PW_UNCHECKABLE : PW_INVALID;
}

enum pw_validity pw_layout_validate(struct pw_python *python, char *ret_check, size_t size)
{
	struct pw_runtime_lists lists;
	struct pw_notes notes = {0};
	*ret_check = 0;
	pw_object_budget(python);
	enum pw_validity validity = check_type_type(python, ret_check, size);
	if (validity == PW_INVALID)
		return validity;
	/* Some are enough to tell. */
	enum { SOME = 64 };
	struct pw_error *error = pw_lists_read_some(python, SOME, &lists, &notes);
	if (error)
		return verdict(error, "lists", ret_check, size);
	validity = check_lists(python, &lists, &notes, ret_check, size);
	if (validity == PW_INVALID) {
		/* Memory that a core lacks must not look like a wrong layout. */
		for (size_t i = 0; i < notes.count; i++)
			if (strstr(notes.texts[i], "cannot read"))
				validity = PW_UNCHECKABLE;
	}
	if (validity == PW_VALID)
		validity = check_frames(python, &lists, ret_check, size);
	pw_lists_deinit(&lists);
	pw_notes_deinit(&notes);
	return validity;
}
