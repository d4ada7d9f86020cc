/*
 * pywalk: Python and C frames of a CPython process in one stack, read from outside.
 *
 * The order of use:
 *
 *	struct pw_session *session;		a process, a core file, or reads that a debugger
 *supplies struct pw_dump *dump;			what it was doing at one moment
 *	pw_session_open_pid(pid, &options, &session);
 *	pw_session_capture(session, NULL, &dump);
 *	for each pw_dump_thread(dump, i), for each pw_thread_frame(thread, j): ...
 *	pw_dump_destroy(dump);
 *	pw_session_close(session);
 *
 * Rules for everything below:
 * - A function that can fail returns NULL for success or an error that the caller destroys with
 *   pw_error_destroy().  Its results come through the last parameter, which is not touched on
 *failure.
 * - Types are opaque.  A `const` pointer that is returned is borrowed: it lives as long as the
 *object it was asked of (threads, frames and interpreters as long as their dump).
 * - Text is UTF-8 without NUL.  What UTF-8 cannot hold is written as a backslash escape in Python's
 *   notation.  Control characters are not escaped: escape before you print to a terminal.
 * - Addresses are the target's, as uint64_t.  0 means "none".
 * - Nothing here writes to the target, calls into it, or executes its files.
 * - A session and its dumps belong to one thread at a time.
 */
#ifndef PYWALK_H
#define PYWALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PW_API __attribute__((visibility("default")))

/* The library's version, "MAJOR.MINOR.PATCH". */
PW_API const char *pw_version(void);

/* ---- errors ---------------------------------------------------------------------------------- */

enum pw_error_code {
	PW_ERROR_NOMEM = 1,
	PW_ERROR_USAGE,	      /* an argument makes no sense */
	PW_ERROR_NO_TARGET,   /* no such process or file */
	PW_ERROR_PERMISSION,  /* not ours to read */
	PW_ERROR_NOT_PYTHON,  /* readable, but no CPython that pywalk can find */
	PW_ERROR_FORMAT,      /* not a core file, or a damaged one */
	PW_ERROR_UNREADABLE,  /* an address of the target cannot be read */
	PW_ERROR_CORRUPT,     /* the target's data contradicts itself */
	PW_ERROR_LAYOUT,      /* no layout fits this interpreter */
	PW_ERROR_UNSUPPORTED, /* readable, but not for this build of pywalk */
	PW_ERROR_IO,
};

struct pw_error;
PW_API enum pw_error_code pw_error_code(const struct pw_error *error);
/* The target's address that the error is about, or 0. */
PW_API uint64_t pw_error_address(const struct pw_error *error);
/* One sentence without a final full stop or newline; lives as long as the error. */
PW_API const char *pw_error_message(const struct pw_error *error);
/* Takes NULL. */
PW_API void pw_error_destroy(struct pw_error *error);

/* ---- sessions -------------------------------------------------------------------------------- */

struct pw_session;

/* How to open a target.  Set `size` to sizeof(struct pw_options); all other members may be zero. */
struct pw_options {
	size_t size;
	const char *executable; /* the program a core came from; NULL: as the core names it */
	const char *sysroot; /* where the target's files are found; NULL: "/" or /proc/PID/root */
	const char *
		layouts; /* folder of .def files to use instead of those built in; NULL: built in */
	const char *debug_dir; /* folder of separate debug files; NULL: /usr/lib/debug */
	/* Called with a sentence for anything that is odd but not fatal; NULL: dropped. */
	void (*warn)(void *data, const char *message);
	void *warn_data;
};

/* A live process.  Needs the right to ptrace it.  Does not stop it. */
PW_API struct pw_error *pw_session_open_pid(pid_t pid, const struct pw_options *options,
					    struct pw_session **ret);
/* A core file, of the kernel's or of gcore's making. */
PW_API struct pw_error *pw_session_open_core(const char *path, const struct pw_options *options,
					     struct pw_session **ret);

/* One file mapping or anonymous mapping of a target whose reads come from a callback. */
struct pw_reader_mapping {
	uint64_t start, end; /* [start, end) */
	uint64_t offset;     /* in the file, bytes */
	const char *path;    /* as the target sees it, NULL or "" for anonymous; copied */
	bool writable, executable;
};

enum { PW_REGISTER_COUNT = 32 };

/* One thread of such a target. */
struct pw_reader_thread {
	uint64_t tid;		 /* the kernel's number (LWP) */
	uint64_t thread_pointer; /* fs_base on x86-64, tpidr_el0 on aarch64; 0: unknown */
	uint64_t stack_pointer;	 /* of the newest frame; 0: unknown */
	const char *name;	 /* the kernel's name, NULL: unknown; copied */
	/* For pywalk's own unwinding, by DWARF number: bit n of `known` says that registers[n] is
	 * meant.  All zero: unknown. */
	uint64_t pc, known;
	uint64_t registers[PW_REGISTER_COUNT + 1];
	bool running; /* it does not stand still: its frames are not read */
};

/* Reads that somebody else supplies: a debugger that has stopped the target.  The target must stand
 * still from the call of pw_session_capture() until it returns. */
struct pw_reader {
	size_t size; /* sizeof(struct pw_reader) */
	int64_t pid; /* 0: unknown */
	bool local;  /* pid is a process of this machine: /proc/PID/root is used for its files */
	const char *executable; /* path as the target sees it, NULL: unknown; copied */
	/* Reads exactly `length` bytes at `address` into `buffer`; false when it cannot. */
	bool (*read)(void *data, uint64_t address, void *buffer, size_t length);
	/* The address of a symbol of the target, 0 when unknown; NULL: no symbols. */
	uint64_t (*symbol)(void *data, const char *name);
	void *data;
	const struct pw_reader_mapping *mappings; /* ascending, copied */
	size_t mapping_count;
	size_t unit; /* bytes that one call of read() brings at the price of one; 0: 16384 */
};
PW_API struct pw_error *pw_session_open_reader(const struct pw_reader *reader,
					       const struct pw_options *options,
					       struct pw_session **ret);
/* For a session on a reader: the threads as they are now, and everything cached of the target's
 * memory is forgotten, unless pw_session_keep_memory() forbids it.  Call it whenever the target has
 * run. */
PW_API struct pw_error *pw_session_set_threads(struct pw_session *session,
					       const struct pw_reader_thread *threads,
					       size_t count);
/*
 * For a session on a reader, which knows better than anybody whether the target stands still.
 * Either way, everything cached of the target's memory is forgotten.  true: what is read from now
 * on is kept, over captures and changes of threads, until the next call.  false, as at the
 * beginning: it is kept for one capture.
 */
PW_API struct pw_error *pw_session_keep_memory(struct pw_session *session, bool keep);
/*
 * For a session on a reader: the mappings as they are now.  *ret_taken is false, and nothing is
 * changed, when other files are mapped than before, or at other places: then only another session
 * will do.
 */
PW_API struct pw_error *pw_session_set_mappings(struct pw_session *session,
						const struct pw_reader_mapping *mappings,
						size_t count, bool *ret_taken);

/* What a session on a reader has read since it was opened. */
struct pw_read_statistics {
	uint64_t reads;	  /* that pywalk needed */
	uint64_t bytes;	  /* in them */
	uint64_t kept;	  /* reads that cost no call */
	uint64_t calls;	  /* of struct pw_reader's read() */
	uint64_t fetched; /* bytes that they brought */
	uint64_t failed;  /* calls that brought nothing */
};
/* All zero for other sessions. */
PW_API struct pw_read_statistics pw_session_read_statistics(const struct pw_session *session);

/* Takes NULL.  Dumps taken from it must be destroyed before. */
PW_API void pw_session_close(struct pw_session *session);

struct pw_process {
	pid_t pid, parent;
	char state;    /* as in proc_pid_stat(5): 'R', 'S', 'T', 'Z' for one that has ended ... */
	char name[64]; /* the kernel's; raw bytes, cut */
};
/* The descendants of a live process at one look through /proc: depth first, each after its parent,
 * siblings by their pids.  free() the array.  PW_ERROR_NO_TARGET: there is no such process. */
PW_API struct pw_error *pw_process_descendants(pid_t pid, struct pw_process **ret,
					       size_t *ret_count);

/* What a live process was started with: its arguments, separated by blanks, as text.  free() it;
 * NULL: unknown. */
PW_API char *pw_process_command(pid_t pid);
/* Whether there is no such process any more, or only waits for its parent. */
PW_API bool pw_process_has_ended(pid_t pid);

/* ---- what the target is ---------------------------------------------------------------------- */

PW_API int64_t pw_session_pid(const struct pw_session *session); /* 0: unknown */
/* How many bytes of a live process's memory are resident now; 0: not known. */
PW_API uint64_t pw_session_resident(const struct pw_session *session);
/* How many threads of the operating system it has now; 0: not known.  Costs one system call. */
PW_API size_t pw_session_thread_count(const struct pw_session *session);
/* The same process in its own, innermost pid namespace; the same number when that is ours. */
PW_API int64_t pw_session_ns_pid(const struct pw_session *session);
/* Of a live process, when it was opened; 0: unknown. */
PW_API int64_t pw_session_parent_pid(const struct pw_session *session);
PW_API const char *pw_session_executable(const struct pw_session *session);	/* NULL: unknown */
PW_API const char *pw_session_python_version(const struct pw_session *session); /* "3.12.1" */
/* Build flags that change layouts: "debug", "trace-refs", "free-threaded"; NULL-terminated. */
PW_API const char *const *pw_session_python_build(const struct pw_session *session);
/* One line that names the layout: "3.12 (built in)", "_Py_DebugOffsets 3.13 + 3.13 (built in)". */
PW_API const char *pw_session_layout(const struct pw_session *session);

/* Whether pairs of C and Python frames may need the pointers that C frames hold for their proof
 * (CPython 3.9 and older; 3.10 while a frame is entered or left): struct pw_native_frame then needs
 * registers.  Otherwise stack addresses are enough. */
PW_API bool pw_session_needs_registers(const struct pw_session *session);

/* Whether the native frame at `pc` is the interpreter's own machinery (evaluation, calls of
 * callables, start of threads and of the program), which folded stacks leave out.  `symbol` is the
 * name of its function, NULL: unknown. */
PW_API bool pw_session_folds(const struct pw_session *session, uint64_t pc, const char *symbol);

/* Facts for `pywalk info`, in the order of printing: what was found and from where. */
struct pw_fact {
	const char *group;  /* "process", "python", "runtime", "layout", "missing" */
	const char *name;   /* "version", "PyCodeObject.co_name" */
	const char *value;  /* "3.12.1", "120" */
	const char *source; /* "Py_Version", "offsets/3.12.def"; "" when plain */
};
PW_API size_t pw_session_fact_count(const struct pw_session *session);
PW_API const struct pw_fact *pw_session_fact(const struct pw_session *session, size_t index);

/* ---- dumps ----------------------------------------------------------------------------------- */

struct pw_dump;
struct pw_interpreter;
struct pw_thread;
struct pw_frame;

/* Which native (C) frames a dump shows besides the Python frames. */
enum pw_native {
	PW_NATIVE_NONE,
	PW_NATIVE_FOLDED, /* without the interpreter's own */
	PW_NATIVE_ALL,
};

/* How much of a value is shown; 0: the default in parentheses. */
struct pw_value_limits {
	unsigned depth;	     /* containers within each other (4); at most 64 */
	unsigned items;	     /* items of one container, attributes of one object (20) */
	unsigned characters; /* of one string, digits of one int (200) */
	unsigned bytes;	     /* of text in all; one string may go beyond it (4096) */
	unsigned reads;	     /* pieces of memory that are looked at (20000) */
};

/* Set `size`; all other members may be zero. */
struct pw_capture_options {
	size_t size;
	size_t max_frames;	  /* Python frames a thread; 0: 2^20 */
	bool native_only_threads; /* also list threads that never ran Python */
	bool no_stop;		  /* do not stop a live process: stacks may be torn */
	enum pw_native native;
	bool locals; /* with the variables of each frame, as text */
	struct pw_value_limits limits;
	uint64_t only_thread; /* the kernel's number of the one that is wanted; 0: all */
	bool no_names;	      /* without threading's names, which cost some reads */
};

/*
 * Copies what all threads are doing now.  A live process is stopped (PTRACE_SEIZE,
 * PTRACE_INTERRUPT) only while it is copied.  One thread's or one frame's damage never fails the
 * call: it is in that thread's `end` and in the dump's problems.
 */
PW_API struct pw_error *pw_session_capture(struct pw_session *session,
					   const struct pw_capture_options *options,
					   struct pw_dump **ret);
PW_API void pw_dump_destroy(struct pw_dump *dump); /* takes NULL */

/* How long a live target stood still, in nanoseconds; 0 when it was not stopped. */
PW_API uint64_t pw_dump_pause(const struct pw_dump *dump);
/* Things that could not be shown, a sentence each.  Empty: the dump is complete. */
PW_API size_t pw_dump_problem_count(const struct pw_dump *dump);
PW_API const char *pw_dump_problem(const struct pw_dump *dump, size_t index);

PW_API size_t pw_dump_interpreter_count(const struct pw_dump *dump);
PW_API const struct pw_interpreter *pw_dump_interpreter(const struct pw_dump *dump, size_t index);
PW_API int64_t pw_interpreter_id(const struct pw_interpreter *interpreter);
PW_API uint64_t pw_interpreter_address(const struct pw_interpreter *interpreter);
PW_API bool pw_interpreter_main(const struct pw_interpreter *interpreter);

/* The main thread first, then by tid. */
PW_API size_t pw_dump_thread_count(const struct pw_dump *dump);
PW_API struct pw_thread *pw_dump_thread(const struct pw_dump *dump, size_t index);

enum pw_tristate { PW_UNKNOWN = -1, PW_NO = 0, PW_YES = 1 };
PW_API uint64_t pw_thread_tid(const struct pw_thread *thread); /* 0: no such OS thread any more */
/* The same in the process's own pid namespace; the same number when that is ours or unknown. */
PW_API uint64_t pw_thread_ns_tid(const struct pw_thread *thread);
PW_API const char *pw_thread_name(const struct pw_thread *thread); /* threading's, NULL: unknown */
PW_API const char *pw_thread_kernel_name(const struct pw_thread *thread); /* comm, NULL: unknown */
PW_API int64_t
pw_thread_interpreter(const struct pw_thread *thread); /* of its newest frame; -1: none */
PW_API uint64_t
pw_thread_state_address(const struct pw_thread *thread); /* PyThreadState; 0: none */
PW_API enum pw_tristate pw_thread_holds_gil(const struct pw_thread *thread);
/* "running", "sleeping", "disk", "stopped", "zombie", "dead", "gone" or "unknown". */
PW_API const char *pw_thread_state(const struct pw_thread *thread);

enum pw_end_reason {
	PW_END_COMPLETE,
	PW_END_UNREADABLE,
	PW_END_CYCLE,
	PW_END_CORRUPT,
	PW_END_LIMIT
};
PW_API enum pw_end_reason pw_thread_end(const struct pw_thread *thread);
PW_API const char *pw_end_reason_name(enum pw_end_reason reason); /* "complete", ... */
PW_API uint64_t pw_thread_end_address(const struct pw_thread *thread);
PW_API const char *pw_thread_end_message(const struct pw_thread *thread); /* NULL when complete */

/* How a thread of a live process was read: "asleep" (it slept all the while, nothing was stopped),
 * "stopped", "running" (not stopped although it may have run: its stack may be torn); NULL: the
 * target is not live. */
PW_API const char *pw_thread_capture(const struct pw_thread *thread);
/* How long this thread was stopped, in nanoseconds. */
PW_API uint64_t pw_thread_stopped(const struct pw_thread *thread);

/* Why the native frames end. */
enum pw_native_end {
	PW_NATIVE_END_NONE,	  /* none were asked for */
	PW_NATIVE_END_COMPLETE,	  /* at the function that nobody called */
	PW_NATIVE_END_UNREADABLE, /* memory is missing */
	PW_NATIVE_END_NO_CFI,	  /* no call-frame information for the code there */
	PW_NATIVE_END_REGISTERS,  /* a register that is needed is not known */
	PW_NATIVE_END_CORRUPT,
	PW_NATIVE_END_LIMIT,
};
PW_API enum pw_native_end pw_thread_native_end(const struct pw_thread *thread);
PW_API const char *pw_native_end_name(enum pw_native_end end); /* "complete", "no_cfi", ... */
PW_API uint64_t pw_thread_native_end_address(const struct pw_thread *thread);
PW_API const char *pw_thread_native_end_message(const struct pw_thread *thread); /* may be NULL */

/* Frames, innermost (newest) first. */
PW_API size_t pw_thread_frame_count(const struct pw_thread *thread);
PW_API const struct pw_frame *pw_thread_frame(const struct pw_thread *thread, size_t index);

enum pw_frame_kind {
	PW_FRAME_PYTHON,
	PW_FRAME_NATIVE,
	PW_FRAME_GAP, /* native frames that could not be unwound; what follows is proved by an
			 anchor */
};
/* How a Python frame was tied to its C frame. */
enum pw_proof {
	PW_PROOF_ABSENT,  /* no native frames were given */
	PW_PROOF_ADDRESS, /* its anchor lies inside the C frame */
	PW_PROOF_POINTER, /* the C frame holds the pointer to it (CPython 3.9 and older) */
	PW_PROOF_ORDER,	  /* counts agree, nothing else */
	PW_PROOF_NONE,	  /* shown by its place on the stack, without a C frame */
};
PW_API enum pw_frame_kind pw_frame_kind(const struct pw_frame *frame);

/* Of Python frames.  NULL, 0: could not be read (a problem says why).  File and line also of native
 * frames: NULL, 0 where there is no DWARF. */
PW_API const char *pw_frame_name(const struct pw_frame *frame); /* co_name */
PW_API const char *
pw_frame_qualname(const struct pw_frame *frame);		/* co_qualname; NULL before 3.11 */
PW_API const char *pw_frame_file(const struct pw_frame *frame); /* co_filename */
PW_API int pw_frame_line(const struct pw_frame *frame);		/* 1-based */
/* Of a Python frame: where the definition of its function begins; 0: unknown. */
PW_API int pw_frame_first_line(const struct pw_frame *frame);
PW_API int pw_frame_end_line(const struct pw_frame *frame);
PW_API int pw_frame_column(const struct pw_frame *frame);     /* 0-based UTF-8 bytes; -1: unknown */
PW_API int pw_frame_end_column(const struct pw_frame *frame); /* -1: unknown */
PW_API uint64_t pw_frame_address(const struct pw_frame *frame);
PW_API uint64_t pw_frame_code(const struct pw_frame *frame);
PW_API uint64_t pw_frame_anchor(const struct pw_frame *frame);
PW_API int64_t pw_frame_interpreter(const struct pw_frame *frame);
PW_API bool
pw_frame_incomplete(const struct pw_frame *frame); /* entered, no instruction of its body run */
PW_API bool
pw_frame_entry(const struct pw_frame *frame); /* the oldest frame of its C evaluation frame */
PW_API enum pw_proof pw_frame_proof(const struct pw_frame *frame);
/* Of a paired Python frame: index into the native frames given to pw_thread_merge(), or -1. */
PW_API int64_t pw_frame_native_index(const struct pw_frame *frame);

/* Of native frames. */
PW_API uint64_t pw_frame_pc(const struct pw_frame *frame);
PW_API const char *pw_frame_symbol(const struct pw_frame *frame); /* NULL: unknown */
PW_API uint64_t pw_frame_offset(const struct pw_frame *frame);	  /* pc - symbol's start */
PW_API const char *pw_frame_module(const struct pw_frame *frame); /* NULL: unknown */
PW_API uint64_t pw_frame_sp(const struct pw_frame *frame);	  /* 0: unknown */
/* A pseudo-frame of a function that was inlined into the next older native frame. */
PW_API bool pw_frame_inlined(const struct pw_frame *frame);
/* The trampoline between a signal handler and what it interrupted. */
PW_API bool pw_frame_signal(const struct pw_frame *frame);
/* Of gaps: what could not be unwound, and why. */
PW_API const char *pw_frame_reason(const struct pw_frame *frame);

/* ---- native frames, supplied by a debugger ---- */

/* One native frame: [sp, cfa) is its part of the stack.  Inlined pseudo-frames share their
 * function's. */
struct pw_native_frame {
	uint64_t pc;
	uint64_t sp;
	uint64_t cfa;	    /* the caller's sp; 0: unknown (the oldest frame of a broken unwind) */
	const char *symbol; /* NULL: unknown; copied */
	uint64_t symbol_start; /* 0: unknown */
	const char *module;    /* NULL: unknown; copied */
	bool inlined;	       /* a pseudo-frame of a function inlined into the next older one */
	/* Callee-saved registers as unwound to this frame, in any order, for the proof by pointer.
	 */
	uint64_t registers[PW_REGISTER_COUNT];
	unsigned register_count;
	bool signal; /* the trampoline of a signal handler: the next older frame was interrupted */
	const char *file;   /* source file, NULL: unknown; copied */
	int line;	    /* 0: unknown */
	const char *reason; /* not NULL: no frame but a gap, and why; copied */
};

/*
 * Puts the thread's Python frames among its native frames (newest first) and replaces its frames by
 * the result.  Needs a session that can still read the target's stack (CPython 3.9 and older).
 */
PW_API struct pw_error *pw_thread_merge(struct pw_session *session, struct pw_dump *dump,
					struct pw_thread *thread,
					const struct pw_native_frame *frames, size_t count);

/* ---- writing ---- */

enum {
	PW_WRITE_COLOR = 1 << 0,  /* ANSI styles, text only */
	PW_WRITE_PARENT = 1 << 1, /* name the process's parent, text only (JSON always does) */
};
/* Receives a piece of the output; false stops the writer, which then returns PW_ERROR_IO. */
typedef bool (*pw_write_fn)(void *data, const char *piece, size_t length);

/* Formats: "text", "json" (schema pywalk-dump/1, docs/pywalk-dump.schema.json). */
PW_API struct pw_error *pw_dump_write(const struct pw_session *session, const struct pw_dump *dump,
				      const char *format, unsigned flags, pw_write_fn write,
				      void *data);
/* The same, with only those threads for which `include` says so; NULL: all. */
PW_API struct pw_error *
pw_dump_write_threads(const struct pw_session *session, const struct pw_dump *dump,
		      bool (*include)(void *data, const struct pw_thread *thread),
		      void *include_data, const char *format, unsigned flags, pw_write_fn write,
		      void *data);

/* Several dumps in one output.  JSON: schema pywalk-dumps/1, docs/pywalk-dumps.schema.json. */
struct pw_dump_list;
PW_API struct pw_error *pw_dump_list_begin(const char *format, unsigned flags, pw_write_fn write,
					   void *data, struct pw_dump_list **ret);
/* `flags` besides those of the list, as in pw_dump_write_threads(). */
PW_API struct pw_error *
pw_dump_list_add(struct pw_dump_list *list, const struct pw_session *session,
		 const struct pw_dump *dump,
		 bool (*include)(void *data, const struct pw_thread *thread), void *include_data,
		 unsigned flags);
/* A target that could not be dumped.  Formats for people leave it out. */
PW_API struct pw_error *pw_dump_list_fail(struct pw_dump_list *list, const char *target,
					  const char *message);
/* Writes the end, and destroys the list in any case.  Takes NULL. */
PW_API struct pw_error *pw_dump_list_end(struct pw_dump_list *list);

/* What `pywalk info` shows: the session's facts, interpreters, threads and who holds the GIL. */
PW_API struct pw_error *pw_session_write_info(const struct pw_session *session,
					      const struct pw_dump *dump, const char *format,
					      unsigned flags, pw_write_fn write, void *data);
/* The same for one thread: a JSON object as in "threads", or its lines of text. */
PW_API struct pw_error *pw_thread_write(const struct pw_session *session,
					const struct pw_thread *thread, const char *format,
					unsigned flags, pw_write_fn write, void *data);

/* The text with everything escaped that would steer a terminal; free() it.  NULL: out of memory. */
PW_API char *pw_printable(const char *text);

/* ---- variables and values -------------------------------------------------------------------- */

enum pw_variable_kind {
	PW_VARIABLE_ARGUMENT,
	PW_VARIABLE_VARARGS, /* *args */
	PW_VARIABLE_KEYWORD, /* an argument that is given by name only */
	PW_VARIABLE_VARKEYWORDS,
	PW_VARIABLE_LOCAL,
	PW_VARIABLE_CELL,	   /* a local that an inner function uses too */
	PW_VARIABLE_FREE,	   /* of an outer function */
	PW_VARIABLE_COMPREHENSION, /* of a comprehension that runs in a module or class body */
	PW_VARIABLE_NAME,	   /* of a module or class body: of its namespace */
};
PW_API const char *pw_variable_kind_name(enum pw_variable_kind kind); /* "argument", ... */

struct pw_variable {
	const char *name;
	enum pw_variable_kind kind;
	uint64_t address;  /* of the value; 0: unbound */
	const char *value; /* its text; NULL: unbound */
};

/* Of Python frames of a dump that was taken with `locals`: arguments in the order of the signature,
 * then the others.  A namespace is cut after some hundred names; pw_frame_variables_more() says how
 * many are left out. */
PW_API bool pw_frame_has_variables(const struct pw_frame *frame);
PW_API size_t pw_frame_variable_count(const struct pw_frame *frame);
PW_API const struct pw_variable *pw_frame_variable(const struct pw_frame *frame, size_t index);
PW_API uint64_t pw_frame_variables_more(const struct pw_frame *frame);
/* Why they could not be read, or not all of them; NULL when they could. */
PW_API const char *pw_frame_variables_problem(const struct pw_frame *frame);
/* Addresses of dictionaries; 0: unknown. */
PW_API uint64_t pw_frame_globals(const struct pw_frame *frame);
PW_API uint64_t pw_frame_builtins(const struct pw_frame *frame);

/* What else a frame can see; addresses of dictionaries, 0: none. */
struct pw_scope {
	uint64_t more;	/* of `names`: how many were left out */
	uint64_t names; /* of a module or class body */
	uint64_t globals, builtins;
};
/* `variable` lives as long as the call and has no text; false ends the walk. */
typedef bool (*pw_variable_visit)(void *data, const struct pw_variable *variable);
/*
 * The variables of a Python frame as it is now, without their text: for a target that has not run
 * since the dump in which `frame` and `code` are pw_frame_address() and pw_frame_code().  Also
 * after an error, which says why some are missing, the others were visited.
 */
PW_API struct pw_error *pw_session_variables(struct pw_session *session, uint64_t frame,
					     uint64_t code, pw_variable_visit visit, void *data,
					     struct pw_scope *ret);

/*
 * The text of an object as it is now: what repr() would say as far as the object's structure tells.
 * Nothing is called.  Text is UTF-8 without control characters; what is left out is counted in it,
 * what cannot be read is said in it.  NULL: out of memory.  free() it.
 */
PW_API char *pw_session_value(struct pw_session *session, uint64_t object,
			      const struct pw_value_limits *limits);
/* The name of its type, "module.Qualified.Name"; free() it. */
PW_API char *pw_session_value_type(struct pw_session *session, uint64_t object);
/* What an object is. */
struct pw_value_about {
	const char
		*kind;	/* the known type that it is or derives from, "list", "str"; or "object" */
	uint64_t type;	/* the address of its own type */
	int64_t length; /* of a container; -1: it is none */
};
/* An error when its type is no type, or its length is not believed. */
PW_API struct pw_error *pw_session_value_about(struct pw_session *session, uint64_t object,
					       struct pw_value_about *ret);
/* The attribute of this name: the object's own, then its classes'; no descriptor is called.  *ret
 * is 0 when there is none. */
PW_API struct pw_error *pw_session_value_attribute(struct pw_session *session, uint64_t object,
						   const char *name, uint64_t *ret);
/* The item of a list, tuple or deque; a negative index counts from the end.  0: there is none. */
PW_API struct pw_error *pw_session_value_index(struct pw_session *session, uint64_t object,
					       int64_t index, uint64_t *ret);

/* A key of a dictionary as somebody types it. */
struct pw_value_key {
	enum pw_value_key_kind {
		PW_KEY_TEXT,
		PW_KEY_BYTES,
		PW_KEY_NUMBER,
		PW_KEY_BOOL,
		PW_KEY_NONE,
		PW_KEY_TUPLE
	} kind;
	const char *text; /* UTF-8, or bytes */
	size_t length;
	int64_t number; /* of a bool: 0 or 1 */
	const struct pw_value_key *items;
	size_t item_count;
};
/* The value for a key that compares equal; no hash is computed, every key is looked at.  A bool
 * equals its number, as in Python; in CPython 2.7 text equals bytes.  0: there is none. */
PW_API struct pw_error *pw_session_value_key(struct pw_session *session, uint64_t object,
					     const struct pw_value_key *key, uint64_t *ret);

/* One part of an object; false ends the walk.  `name` is for people: "[0]", "['key']", ".name"; it
 * lives as long as the call. */
typedef bool (*pw_value_visit)(void *data, const char *name, uint64_t address);
/* Calls `visit` for `count` parts of an object from number `start` on: items of a container,
 * attributes of an instance, variables of a generator that has not ended.  *ret_total is how many
 * it claims to have. */
PW_API struct pw_error *pw_session_value_children(struct pw_session *session, uint64_t object,
						  size_t start, size_t count, pw_value_visit visit,
						  void *data, uint64_t *ret_total);

/* An exception and what it is chained to; addresses, 0: none. */
struct pw_exception {
	uint64_t type, args, cause, context, traceback;
	bool suppress_context; /* `raise ... from None` */
};
/* PW_ERROR_CORRUPT when the object is not an exception. */
PW_API struct pw_error *pw_session_exception(struct pw_session *session, uint64_t object,
					     struct pw_exception *ret);

#ifdef __cplusplus
}
#endif

/* Objects by their addresses, exceptions, where functions and lines begin: what debuggers ask for.
 */
#include "pywalk_objects.h"
#include "pywalk_profile.h"
#include "pywalk_report.h"
#include "pywalk_sample.h"

#endif
