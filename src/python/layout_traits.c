/*
 * Traits from fields: which fields exist tells how a version works.
 */
#include "python/layout.h"

#define REQUIRE(...)                                                                               \
	do {                                                                                       \
		static const unsigned needed[] = {__VA_ARGS__};                                    \
		struct pw_error *error =                                                           \
			require(layout, needed, sizeof(needed) / sizeof(needed[0]));               \
		if (error)                                                                         \
			return error;                                                              \
	} while (0)
#define F(name) PW_FIELD_##name

static struct pw_error *require(const struct pw_layout *layout, const unsigned *needed,
				size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (layout->all[needed[i]].offset < 0)
			return pw_error_create(PW_ERROR_LAYOUT,
					       "the layout of CPython %u.%u%s%s lacks %s, which "
					       "this version needs",
					       layout->major, layout->minor,
					       layout->def_name[0] ? " in " : "", layout->def_name,
					       pw_field_infos[needed[i]].name);
	return NULL;
}

static struct pw_error *require_common(const struct pw_layout *layout)
{
	REQUIRE(F(interp_next), F(interp_threads_head), F(tstate_next), F(tstate_interp),
		F(tstate_thread_id), F(tstate_sizeof), F(code_name), F(code_filename),
		F(code_firstlineno), F(object_type), F(object_sizeof), F(var_size), F(type_name),
		F(type_basicsize), F(type_flags), F(bytes_data), F(long_digits));
	if (pw_has(layout, interp_id)) /* came together with _PyRuntime (3.7) */
		REQUIRE(F(runtime_interpreters_head));
	return NULL;
}

static struct pw_error *require_iframe(const struct pw_layout *layout)
{
	REQUIRE(F(iframe_previous), F(iframe_code), F(iframe_owner), F(code_adaptive),
		F(owner_thread), F(owner_generator));
	if (!pw_has(layout, iframe_instr_ptr))
		REQUIRE(F(iframe_prev_instr));
	return NULL;
}

static struct pw_error *find_frame_model(struct pw_layout *layout)
{
	struct pw_traits *traits = &layout->traits;
	if (pw_has(layout, tstate_frame)) {
		REQUIRE(F(frame_back), F(frame_code), F(frame_lasti), F(code_code));
		traits->frames = PW_FRAMES_OBJECT;
		if (pw_has(layout, tstate_cframe)) {
			REQUIRE(F(cframe_previous));
			traits->frames = PW_FRAMES_OBJECT_CFRAME;
		}
		return NULL;
	}
	struct pw_error *error = require_iframe(layout);
	if (error)
		return error;
	if (pw_has(layout, tstate_cframe)) {
		REQUIRE(F(cframe_previous), F(cframe_current_frame));
		traits->frames =
			pw_has(layout, iframe_is_entry) ? PW_FRAMES_CFRAME : PW_FRAMES_SHIM_CFRAME;
	} else {
		REQUIRE(F(tstate_current_frame));
		traits->frames = PW_FRAMES_SHIM;
	}
	/* 3.14 has both, 3.15 only the latter. */
	if (traits->frames != PW_FRAMES_CFRAME && !pw_has(layout, owner_interpreter))
		REQUIRE(F(owner_cstack));
	return NULL;
}

static struct pw_error *find_line_table(struct pw_layout *layout)
{
	struct pw_traits *traits = &layout->traits;
	if (pw_has(layout, code_exceptiontable)) {
		REQUIRE(F(code_linetable));
		traits->lines = PW_LINES_LOCATIONS;
	} else if (pw_has(layout, code_linetable)) {
		traits->lines = PW_LINES_LINETABLE;
	} else {
		REQUIRE(F(code_lnotab));
		traits->lines =
			pw_has(layout, unicode_kind) ? PW_LINES_LNOTAB : PW_LINES_LNOTAB_UNSIGNED;
	}
	traits->lasti_in_units = traits->lines == PW_LINES_LINETABLE;
	return NULL;
}

static bool since(const struct pw_layout *layout, unsigned minor)
{
	return layout->major > 3 || (layout->major == 3 && layout->minor >= minor);
}

/* The data stack is looked at when links are lost: a layout without it does for the rest. */
static bool has_data_stack(const struct pw_layout *layout)
{
	return pw_has(layout, tstate_datastack_chunk) && pw_has(layout, tstate_datastack_top) &&
	       pw_has(layout, chunk_previous) && pw_has(layout, chunk_size) &&
	       pw_has(layout, chunk_top) && pw_has(layout, chunk_data) &&
	       pw_has(layout, iframe_localsplus) && pw_has(layout, iframe_object) &&
	       pw_has(layout, iframe_function) &&
	       (pw_has(layout, iframe_stacktop) || pw_has(layout, iframe_stackpointer)) &&
	       pw_has(layout, code_nlocalsplus) && pw_has(layout, code_argcount) &&
	       pw_has(layout, code_kwonly) && pw_has(layout, code_flags) &&
	       (pw_has(layout, code_framesize) || pw_has(layout, code_stacksize)) &&
	       pw_has(layout, tstate_exc_info) && pw_has(layout, exc_previous) &&
	       pw_has(layout, gen_exc_state) && pw_has(layout, gen_iframe) &&
	       pw_has(layout, gen_frame_state) && pw_has(layout, frame_executing);
}

struct pw_error *pw_layout_finish(struct pw_layout *layout)
{
	layout->traits = (struct pw_traits){
		.instr_is_previous = pw_has(layout, iframe_prev_instr),
		.data_stack = has_data_stack(layout),
		.python2 = pw_has(layout, int_value) && pw_has(layout, dict2_table),
		.log2_keys = pw_has(layout, keys_log2_size),
		.managed_dicts =
			pw_has(layout, keys_log2_size) && pw_has(layout, unicode_entry_key),
		.inline_values = pw_has(layout, values_valid),
		.exception_comma = !since(layout, 7),
		.timedelta_positions = !since(layout, 7),
		.ordereddict_as_dict = since(layout, 12),
		.bytearray_escapes = !since(layout, 15),
		.deque_named = since(layout, 7),
		.wrapped_shown = since(layout, 10),
		.flag_classes = since(layout, 11),
		.frame_shown = since(layout, 7),
		.resume_cache = since(layout, 15),
		.eval_takes_state = since(layout, 9),
		.narrow_counts = since(layout, 14),
		.immortals = since(layout, 12),
	};
	if (!layout->traits.python2)
		REQUIRE(F(unicode_length), F(unicode_kind), F(unicode_compact), F(unicode_ascii),
			F(unicode_ascii_data), F(unicode_compact_data));
	struct pw_error *error = require_common(layout);
	if (!error)
		error = find_frame_model(layout);
	if (!error)
		error = find_line_table(layout);
	return error;
}
