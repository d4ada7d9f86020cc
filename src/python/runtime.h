/*
 * Finding CPython in a target: which module holds it, which version it is, where its runtime state
 * stands, and which layout fits.  Nothing here reads frames.
 *
 * Version detection never runs the target's executable: it collects evidence (version.c) and wants
 * two pieces that agree.
 */
#ifndef PW_PYTHON_RUNTIME_H
#define PW_PYTHON_RUNTIME_H

#include "python/layout.h"

/* One piece of evidence for the version. */
struct pw_evidence {
	const char *source;	      /* "Py_Version", "file name", ... static text */
	unsigned major, minor, micro; /* micro 255: not told */
	char detail[64];	      /* what was read, for `pywalk info` */
};

enum { PW_EVIDENCE_MAX = 8 };

struct pw_python {
	struct pw_target *target;   /* borrowed */
	struct pw_modules *modules; /* borrowed */
	struct pw_python_id id;
	struct pw_layout layout;
	struct pw_evidence evidence[PW_EVIDENCE_MAX];
	size_t evidence_count;
	char version[32];	    /* "3.12.1", "3.12" when the patch level is unknown */
	uint64_t runtime;	    /* _PyRuntime; 0: before 3.7, or found without it */
	uint64_t head_slot;	    /* where the pointer to the newest interpreter stands */
	const char *runtime_source; /* how it was found: static text */
	uint64_t type_type;	    /* PyType_Type; 0: unknown */
	uint64_t code_type;	    /* PyCode_Type, once a code object has been seen; 0: unknown */
	uint64_t eval;		    /* the function that runs bytecode; 0: unknown */
	/* The thread whose frames are read waits in a system call: it is not within the evaluation
	 * function's first instructions, unless a signal handler waits that came in between. */
	bool settled;
	/* It runs while its frames are read: what does not fit together is not searched for; and,
	 * of who never stops it, is torn. */
	bool moving, doubting;
	/* A frame that is about to execute an instruction and does not say so yet; 0: none. */
	uint64_t arrived_frame, arrived_instr, arrived_offset;
	struct pw_budget {
		uint64_t bytes;	  /* of strings and tables that may still be copied */
		uint64_t entries; /* of dictionaries that may still be looked at */
		uint64_t touched; /* bytes that may still be read ahead within a pause */
	} budget;		  /* see pw_object_budget() */
	struct pw_salvage {
		bool done;
		uint64_t *tstates; /* that were found by a search; owned */
		size_t count;
	} salvage; /* see salvage.h */
	struct pw_dict_hint {
		uint64_t dict, index;
	} hints[16];	      /* where keys were found; dict.c looks there first */
	char validation[160]; /* "" when the layout passed every check; else what could not be
				 checked */
};

/* Reads a pointer-sized member of the structure at `base`. */
static inline struct pw_error *pw_read_field(struct pw_python *python, uint64_t base,
					     struct pw_field field, uint64_t *ret)
{
	return pw_read_u64(python->target, base + (uint64_t)field.offset, ret);
}

/*
 * Looks for CPython.  PW_ERROR_NOT_PYTHON says what was looked for; PW_ERROR_LAYOUT names the
 * layouts that were tried and the check each failed.  A runtime whose memory is missing (a
 * truncated core) is not an error: head_slot may be unreadable, `validation` says so.
 */
struct pw_error *pw_python_find(struct pw_target *target, struct pw_modules *modules,
				const char *layouts_dir, struct pw_python *ret);

/* Frees what it owns; borrowed are the target and its modules. */
void pw_python_deinit(struct pw_python *python);
/* salvage.c: what was found with another layout. */
void pw_salvage_forget(struct pw_python *python);

/* version.c: fills evidence, version and id.major/minor/micro; false: nothing found. */
bool pw_version_detect(struct pw_python *python);

/* locate.c: fills module, runtime, debug offsets and flags as far as symbols and sections go. */
void pw_locate_symbols(struct pw_python *python);
/* locate.c: fills head_slot for the layout chosen, by symbol, code or scan. false: nowhere. */
bool pw_locate_head(struct pw_python *python);
/* What runtime_source then is, when it was a scan for anything that looks like it. */
extern const char pw_scan_source[];
/* A symbol by whoever knows it: the debugger that supplies the target, the modules. 0: unknown. */
uint64_t pw_locate_symbol(struct pw_python *python, const char *name);

/* The name of the function that runs bytecode, Python/ceval.c: up to 3.5 the public one, which
 * since 3.6 only calls the other. */
const char *pw_eval_name(const struct pw_python *python);
/*
 * Whether a thread that stands at `pc` may be publishing its evaluation frame: 3.11 and 3.12 link a
 * _PyCFrame before they fill it, so that what the thread state leads to is stale until the prologue
 * is over.
 */
bool pw_eval_in_prologue(const struct pw_python *python, uint64_t pc);

/* head_code.c: the address that PyInterpreterState_Head() at `function` loads its result from; 0:
 * not understood. */
uint64_t pw_head_from_code(struct pw_target *target, uint64_t function);

/* validate.c: whether the layout makes sense of the target. */
enum pw_validity {
	PW_VALID,
	PW_INVALID,	/* `ret_check` names the check that failed */
	PW_UNCHECKABLE, /* memory is missing; `ret_check` names what */
};
enum pw_validity pw_layout_validate(struct pw_python *python, char *ret_check, size_t size);

#endif
