/*
 * The stack model behind the public types: what a dump holds.  Private to stack/; everybody else
 * uses the accessors of pywalk.h.
 */
#ifndef PW_STACK_MODEL_H
#define PW_STACK_MODEL_H

#include "python/code.h"
#include "python/interp.h"
#include "python/thread_names.h"

#include <uthash.h>

struct pw_interpreter {
	int64_t id;
	uint64_t address;
	bool main;
};

/* A code object of the dump, kept once. */
struct pw_code_entry {
	struct pw_code code;
	bool borrowed; /* the code is somebody else's: of codes.h */
	bool loaded;
	unsigned attempt; /* in which it was decoded */
	/* What was found for the frame that was asked last: threads wait in the same places. */
	int64_t last_lasti;
	struct pw_location last_location;
	bool has_last;
	UT_hash_handle hh; /* by code.address */
};

struct pw_frame {
	enum pw_frame_kind kind;
	enum pw_proof proof;
	int64_t native_index;

	struct pw_location location;

	/* There are many: what the one kind has, the other does not. */
	union {
		struct {
			struct pw_pyframe python;
			const struct pw_code *code; /* the dump's */
			int64_t interpreter;
			uint32_t chain; /* number of the thread state within its thread */
			bool incomplete;
			struct pw_frame_variables *variables; /* owned; NULL: none asked for */
		};
		/* native, and a gap; the texts are in the thread's strings or belong to the
		 * session's modules */
		struct {
			uint64_t pc, sp, offset;
			const char *symbol, *module, *file;
			const char *reason; /* of a gap */
			bool inlined, signal;
		};
	};
};

struct pw_thread {
	uint64_t tid, ns_tid;
	char *name, *kernel_name;
	int64_t interpreter;
	uint64_t tstate;
	enum pw_tristate holds_gil;
	enum pw_run_state state;
	enum pw_end_reason end;
	uint64_t end_address;
	char *end_message;
	struct pw_frame *python; /* Python frames alone, newest first */
	size_t python_count;
	struct pw_frame *native;  /* those of `merged` */
	struct pw_frame **merged; /* of both kinds, newest first; NULL until pw_thread_merge() */
	size_t merged_count;
	char **strings; /* names of native frames; owned */
	size_t string_count;
	enum pw_taken taken;
	uint64_t stopped_ns;
	enum pw_native_end native_end;
	uint64_t native_end_address;
	char *native_end_message;
};

struct pw_dump {
	struct pw_interpreter *interpreters;
	size_t interpreter_count;
	struct pw_thread *threads;
	size_t thread_count;
	struct pw_code_entry *codes; /* uthash */
	struct pw_notes problems;
	uint64_t pause_ns;
	size_t lost_threads; /* of which nothing was to be had, when looking again and again */
};

struct pw_session {
	struct pw_target *target;
	struct pw_modules *modules;
	struct pw_python python;
	const char *build[4]; /* NULL-terminated */
	struct pw_fact *facts;
	size_t fact_count;
	struct pw_fold_memo *fold_memo; /* of fold.c; owned; NULL until asked */
	unsigned mapping_changes;	/* of the target, when its modules were looked at */
	struct pw_options options;	/* strings are not kept */
	/* What searching stacks for lost frames may still cost in this capture, in words read: a
	 * hostile stack has much to look at, and no end. */
	uint64_t search_left;
};

/* session.c: after the mappings of a live process were read again.  What dumps have of native
 * frames must not be used any more. */
struct pw_error *pw_session_update_modules(struct pw_session *session);
/* values.c: around what reads values.  Reads of one value come from one copy of its pages. */
void pw_session_values_begin(struct pw_session *session);
void pw_session_values_end(struct pw_session *session);
void pw_thread_forget_merge(struct pw_thread *thread);
/* As pw_thread_merge(), of frames whose names live as long as the session and need no copy.
 * `folded`: which of them are left out afterwards; NULL: none. */
struct pw_error *pw_thread_merge_frames(struct pw_session *session, struct pw_thread *thread,
					const struct pw_native_frame *frames, const bool *folded,
					size_t count);
void pw_thread_deinit(struct pw_thread *thread);
/* Frees the code objects; frames that point at them must not be used any more. */
void pw_dump_forget_codes(struct pw_dump *dump);
/* facts.c: builds session->facts. */
struct pw_error *pw_session_make_facts(struct pw_session *session);
void pw_session_free_facts(struct pw_session *session);
/* order.c: puts the frames of a thread's several thread states into their order on the stack,
 * newest first. `frames` come chain by chain; they are permuted. */
struct pw_error *pw_order_chains(struct pw_session *session, const struct pw_lwp *lwp,
				 struct pw_frame *frames, size_t count);

#endif
