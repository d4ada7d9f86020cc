/*
 * pywalk: what debuggers ask for besides stacks and values.  Heads of objects, exceptions of
 * threads, tracebacks; code objects, and where functions and lines begin in them.
 *
 * A part of pywalk.h, which includes it; the rules there hold here too.
 */
/* First: it includes its parts in their order. */
#include "pywalk.h"

#ifndef PYWALK_OBJECTS_H
#define PYWALK_OBJECTS_H

#ifdef __cplusplus
extern "C" {
#endif

/* ---- objects --------------------------------------------------------------------------------- */

/* What an object's head says besides its value. */
struct pw_object {
	uint64_t type;	   /* address */
	uint64_t refcount; /* of a free-threaded build: both counts together */
	bool counted;	   /* refcount is known */
	bool immortal;	   /* it is never freed, and refcount means nothing (3.12+) */
};
/* PW_ERROR_CORRUPT when there is no object: what should be its type is none. */
PW_API struct pw_error *pw_session_object(struct pw_session *session, uint64_t object,
					  struct pw_object *ret);
/* The text of a str itself, without quotes and escapes (but for NULs and lone surrogates), cut at
 * limits->characters; *ret_length is how many characters it has.  NULL: it is no str, or out of
 * memory.  free() it; not for a terminal. */
PW_API char *pw_session_string(struct pw_session *session, uint64_t object,
			       const struct pw_value_limits *limits, uint64_t *ret_length);
/* Where a frame stands that is no object (_PyInterpreterFrame, 3.11+), as text; free() it. */
PW_API char *pw_session_frame_text(struct pw_session *session, uint64_t frame,
				   const struct pw_value_limits *limits);

/* What a reference on the interpreter's stack holds (_PyStackRef, 3.13+), from its bits. */
struct pw_stackref {
	uint64_t object; /* 0: none */
	bool is_int;	 /* no object, but a number of the interpreter's own */
	int64_t number;
};
PW_API struct pw_stackref pw_session_stackref(const struct pw_session *session, uint64_t bits);

/* ---- exceptions of threads ------------------------------------------------------------------- */

struct pw_thread_exception {
	bool raised;   /* it is on its way to a handler; else it is being handled */
	uint64_t type; /* addresses, 0: none */
	/* Of 3.11 and older, one that is on its way may not have been made yet: this is then what
	 * it is to be made of, a str, a tuple or anything else. */
	uint64_t value;
	uint64_t traceback;
};
/* false ends the walk */
typedef bool (*pw_thread_exception_visit)(void *data, const struct pw_thread_exception *exception);
/* The exceptions of a thread state (pw_thread_state_address()): the one being raised, then those
 * being handled, the newest first. Before 3.7 only the newest of those is known; later, those of
 * generators that run and of who called them. */
PW_API struct pw_error *pw_session_thread_exceptions(struct pw_session *session, uint64_t tstate,
						     pw_thread_exception_visit visit, void *data);

struct pw_traceback_entry {
	const char *name, *qualname, *file; /* NULL: unknown; they live as long as the call */
	int line;			    /* 0: unknown */
	uint64_t frame, code;		    /* addresses */
};
typedef bool (*pw_traceback_visit)(void *data, const struct pw_traceback_entry *entry);
/* The entries of a traceback, the oldest call first. */
PW_API struct pw_error *pw_session_traceback(struct pw_session *session, uint64_t traceback,
					     pw_traceback_visit visit, void *data);

/*
 * The two parts of the line that Python prints below a traceback; free() them.  Line ends are kept:
 * not for a terminal.  *ret_exact is false when the class has a __str__ of Python's, which nobody
 * calls: the message is then what BaseException's would be.
 */
PW_API struct pw_error *pw_session_exception_text(struct pw_session *session, uint64_t type,
						  uint64_t value,
						  const struct pw_value_limits *limits,
						  char **ret_type, char **ret_message,
						  bool *ret_exact);

/* ---- where functions and lines begin --------------------------------------------------------- */

struct pw_code_found {
	uint64_t code;
	const char *name, *qualname, *file; /* they live as long as the call */
	int firstlineno;
	bool function; /* not the body of a module or class */
};
/* false ends the walk */
typedef bool (*pw_code_visit)(void *data, const struct pw_code_found *found);
/* Calls `visit` once for each code object that can be reached from the modules that are loaded and
 * from the frames that run. */
PW_API struct pw_error *pw_session_codes(struct pw_session *session, pw_code_visit visit,
					 void *data);

struct pw_code_place {
	uint64_t address; /* of an instruction: its first byte is the opcode */
	uint64_t offset;  /* in the bytecode */
	int line;
	bool line_starts; /* the instruction before it is of another line */
	bool body;	  /* the first instruction of a function's body */
	bool again;	  /* ... to which the function may come back */
};
typedef bool (*pw_code_place_visit)(void *data, const struct pw_code_place *place);
/* Calls `visit` for the places at which a line or the body begins, in the order of the bytecode. */
PW_API struct pw_error *pw_session_code_places(struct pw_session *session, uint64_t code,
					       pw_code_place_visit visit, void *data);
/* Why an access to the bytecode does not tell that it is executed, static text; NULL: it does. */
PW_API const char *pw_session_code_unwatchable(struct pw_session *session);

/* The newest Python frame of a thread state. */
struct pw_newest_frame {
	uint64_t frame, code; /* addresses; 0: there is none */
	uint64_t anchor;      /* in the C frame that runs it (3.10+), else 0 */
	bool traced; /* each instruction is read several times before it is executed (3.10, 3.11) */
};
PW_API struct pw_error *pw_session_newest_frame(struct pw_session *session, uint64_t tstate,
						struct pw_newest_frame *ret);

/* How to tell a call at the evaluation function, before 3.11, where each call enters it. */
struct pw_eval_entry {
	uint64_t function;	  /* its address */
	unsigned argument;	  /* which one is the frame object, from 0 */
	uint64_t code_offset;	  /* in the frame object: the code object's address, 8 bytes */
	uint64_t position_offset; /* 4 bytes, signed, below 0 when nothing has run yet */
};
/* false: from 3.11 on, or the function is not known. */
PW_API bool pw_session_eval_entry(struct pw_session *session, struct pw_eval_entry *ret);

/* Where a frame is in its code, as it says itself.  While the next instruction is fetched, that is
 * still the one before it from 3.11 on (`*ret_behind`), and either of them before. */
PW_API struct pw_error *pw_session_frame_instruction(struct pw_session *session, uint64_t frame,
						     uint64_t *ret_code, int64_t *ret_offset,
						     int *ret_line, bool *ret_behind);
/* Tells the session that a frame is about to execute the instruction at this address, `offset` in
 * its code, which the frame itself does not say yet; until it is told 0, when the target runs on.
 */
PW_API void pw_session_arrive(struct pw_session *session, uint64_t frame, uint64_t instruction,
			      uint64_t offset);

#ifdef __cplusplus
}
#endif
#endif
