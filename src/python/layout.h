/*
 * Layouts: where things stand in the structures of one build of CPython.
 *
 * A layout is data.  It comes from _Py_DebugOffsets in the target (3.13+), from a .def file of
 * the minor version and ABI (offsets/, built in or from a folder), or from debug information; each
 * value remembers which.  Nothing outside of layout*.c compares versions: the rest asks for
 * offsets and traits, and traits follow from which fields exist.
 *
 * A .def file is text, one item a line, '#' starts a comment:
 *
 *	version 3.12		  the minor version
 *	[default]		  ABI variant: "default", or flags joined by '+' in this order:
 *				  "debug", "trace-refs", "free-threaded"
 *	code_name 104		  FIELD OFFSET, bytes
 *	unicode_kind 32:2:3	  FIELD OFFSET:BIT:BITS, a bit field, counted from the least
 *				  significant bit of the 4 bytes at OFFSET (a multiple of 4
 *				  unless the field crosses such a word)
 *	interp_next 7288 debug=72 ... and the field's slot in _Py_DebugOffsets, bytes from its start
 *	owner_cstack = 3	  an enumerator
 *
 * Every variant is whole: nothing is inherited between sections.
 */
#ifndef PW_PYTHON_LAYOUT_H
#define PW_PYTHON_LAYOUT_H

#include "binary/dwarf_types.h"
#include "binary/module.h"

enum pw_layout_source {
	PW_LAYOUT_ABSENT,
	PW_LAYOUT_DEF,		 /* a .def file, built in or from a folder */
	PW_LAYOUT_DEBUG_OFFSETS, /* the target's _Py_DebugOffsets */
	PW_LAYOUT_DWARF,
};

struct pw_field {
	int32_t offset;	    /* bytes; an enumerator's value; -1 (absent): the version lacks it */
	int32_t debug_slot; /* bytes from the start of _Py_DebugOffsets; -1: not there */
	uint8_t bit, bits;  /* of a bit field; bits 0: none */
	uint8_t source;	    /* enum pw_layout_source */
};

enum pw_field_index {
#define PW_FIELD(name, types, paths, debug_name) PW_FIELD_##name,
#define PW_ENUMERATOR(name, enumerator)		 PW_FIELD_##name,
#include "python/layout_fields.h"
	PW_FIELD_COUNT
};

/* No offset or size in CPython's structures comes near this: larger ones are refused. */
enum { PW_LAYOUT_OFFSET_MAX = 1 << 20 };

/* What is known of a field besides its value: names for files and messages. */
struct pw_field_info {
	const char *name;
	const char *types, *paths; /* NULL for an enumerator */
	const char *debug_name;	   /* may be NULL */
	const char *enumerator;	   /* NULL for a field */
};
extern const struct pw_field_info pw_field_infos[PW_FIELD_COUNT];

/* How frames hang together. */
enum pw_frame_model {
	PW_FRAMES_OBJECT,	 /* PyFrameObject, one C evaluation frame each (-3.9) */
	PW_FRAMES_OBJECT_CFRAME, /* the same with a CFrame on the C stack (3.10) */
	PW_FRAMES_CFRAME,      /* _PyInterpreterFrame, entry frames flagged, a _PyCFrame per C frame
				  (3.11) */
	PW_FRAMES_SHIM_CFRAME, /* shim frames on the C stack, newest frame through a _PyCFrame
				  (3.12) */
	PW_FRAMES_SHIM,	       /* shim frames, newest frame in the thread state (3.13+) */
};

enum pw_line_table {
	PW_LINES_LNOTAB_UNSIGNED, /* 2.7 */
	PW_LINES_LNOTAB,	  /* 3.6-3.9, Objects/lnotab_notes.txt */
	PW_LINES_LINETABLE,	  /* 3.10, PEP 626 */
	PW_LINES_LOCATIONS,	  /* 3.11+, PEP 657, Objects/locations.md */
};

struct pw_traits {
	enum pw_frame_model frames;
	enum pw_line_table lines;
	bool lasti_in_units;	/* f_lasti counts 2-byte instructions, not bytes (3.10) */
	bool instr_is_previous; /* the frame's pointer is at the last run instruction, not at the
				   running one */
	bool data_stack;    /* frames stand one behind the other, and what is needed to find them
			       (3.11+) */
	bool python2;	    /* str is bytes, int is a type of its own, dicts are open tables */
	bool log2_keys;	    /* dk_log2_size and typed dict keys (3.11+) */
	bool managed_dicts; /* instance dict in front of the object (3.11+) */
	bool inline_values; /* instance values behind the object (3.13+) */
	/* How repr() writes it. */
	bool exception_comma;	  /* ValueError('x',) (-3.6) */
	bool timedelta_positions; /* timedelta(1, 2, 3), without names (-3.6) */
	bool ordereddict_as_dict; /* OrderedDict({'a': 1}) (3.12+) */
	bool bytearray_escapes;	  /* apostrophes, whatever the quotes are (-3.14) */
	bool deque_named;	  /* by the name of a subclass (3.7+) */
	bool wrapped_shown;	  /* <staticmethod(<function ...>)> (3.10+) */
	bool flag_classes;	  /* <flag 'Permission'> (3.11+) */
	bool frame_shown;	  /* <frame at 0x.., file 'x.py', line 1, code f> (3.7+) */
	bool resume_cache;	  /* the instruction at which bodies begin has a cache (3.15+) */
	bool eval_takes_state; /* the evaluation function's frame is its second argument (3.9+) */
	bool narrow_counts;    /* half a word counts references, the rest is for flags (3.14+) */
	bool immortals;	       /* objects that are never freed say so in their counts (3.12+) */
};

struct pw_layout {
	unsigned major, minor;
	bool debug, trace_refs, free_threaded;
	char description[160]; /* for pw_session_layout() */
	char def_name[64];     /* of the .def file: "3.12.def", "" when none was used */
	union {
		struct {
#define PW_FIELD(name, types, paths, debug_name) struct pw_field name;
#define PW_ENUMERATOR(name, enumerator)		 struct pw_field name;
#include "python/layout_fields.h"
		};
		struct pw_field all[PW_FIELD_COUNT];
	};
	struct pw_traits traits;
};

/* Whether this version has the field. */
#define pw_has(layout, field) ((layout)->field.offset >= 0)

/* What the finder knows of the interpreter before it has a layout. */
struct pw_python_id {
	unsigned major, minor, micro; /* micro 255: unknown */
	bool debug, trace_refs, free_threaded;
	uint64_t debug_offsets;	    /* address of _Py_DebugOffsets, 0: none */
	struct pw_modules *modules; /* borrowed */
	struct pw_module *module;   /* the one that holds the interpreter; NULL: unknown */
};

/*
 * Finds the layout for an interpreter.  `layouts_dir` as in struct pw_options.  *ret_candidates
 * receives up to `max` layouts in the order in which they deserve trust (best first): the caller
 * validates them on the target and takes the first that holds.  PW_ERROR_LAYOUT names what was
 * looked for when there is none.
 */
struct pw_error *pw_layout_find(const struct pw_python_id *id, const char *layouts_dir,
				struct pw_layout *ret_candidates, size_t max, size_t *ret_count);

/*
 * The same from debug information of id->module only: slow to open, so pw_layout_find() does it
 * only when no .def file has the version and ABI; ask when none of its candidates held.  *ret_count
 * is 0, without an error, when there is no debug information.
 */
struct pw_error *pw_layout_find_dwarf(const struct pw_python_id *id,
				      struct pw_layout *ret_candidates, size_t max,
				      size_t *ret_count);

/* Parses the text of a .def file and takes one variant from it.  `name` is for messages.
 * PW_ERROR_LAYOUT names file, line and what was expected; major and minor are set even then, once
 * the version was read (else they are 0). *ret_found is false when the file has no such variant. */
struct pw_error *pw_layout_parse(const char *text, size_t length, const char *name,
				 const char *variant, struct pw_layout *ret, bool *ret_found);
/* Fills a layout from debug information: every field that the types have.  *ret_found as above:
 * false when the essential types are not there. */
void pw_layout_from_dwarf(struct pw_dwarf *dwarf, struct pw_layout *ret, bool *ret_found);
/* Overlays _Py_DebugOffsets (table bytes) on a layout, by the debug slots the layout has. */
struct pw_error *pw_layout_overlay(struct pw_layout *layout, const void *table, size_t size);
/* Bytes of _Py_DebugOffsets that the overlay needs; 0: the layout has no debug slots. */
size_t pw_layout_table_size(const struct pw_layout *layout);
/* Derives the traits from the fields; an error names the field that is needed and absent. */
struct pw_error *pw_layout_finish(struct pw_layout *layout);

/* Whether a pair of numbers can be the version of a CPython that pywalk may know: 2.7, 3.6 and
 * later. */
bool pw_version_possible(unsigned major, unsigned minor);

/* The files built in: generated from offsets/ by the Makefile. */
struct pw_builtin_layout {
	const char *name; /* "3.12.def" */
	const char *text;
	size_t length;
};
extern const struct pw_builtin_layout pw_builtin_layouts[];
extern const size_t pw_builtin_layout_count;

#endif
