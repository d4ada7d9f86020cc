/*
 * The Python frames of one thread state, newest first, each with its anchor: the address that lies
 * inside its C evaluation frame, or the pointer that this C frame holds (docs/pairing.md).
 *
 * Knows nothing of native stacks: merging is stack/'s.
 */
#ifndef PW_PYTHON_FRAME_H
#define PW_PYTHON_FRAME_H

#include "python/runtime.h"

enum { PW_FRAMES_MAX = 1 << 20 };

struct pw_pyframe {
	uint64_t address; /* PyFrameObject or _PyInterpreterFrame */
	uint64_t code;	  /* PyCodeObject, untagged */
	uint64_t anchor;  /* a stack address (3.10+), else 0 */
	uint64_t instr;	  /* 3.11+: address of the instruction; before: 0 */
	int64_t lasti;	  /* -3.10: byte offset of the instruction, below 0: not started */
	int32_t tlbc;	  /* 3.14+ free-threaded: which copy of the bytecode runs */
	uint8_t owner;
	bool entry; /* the oldest frame of its C evaluation frame */
};

struct pw_pyframes {
	struct pw_pyframe *items; /* owned */
	size_t count, capacity;
	enum pw_end_reason end;
	uint64_t end_address;
	char end_message[400]; /* "" when complete */
	/* The thread was caught in the middle of linking or unlinking a frame: a live target is to
	 * be let go and stopped again. */
	bool torn;
};

/* Walks at most `max` frames.  Never fails: the reason to stop is in `end`. `ret` is initialised
 * here. */
void pw_frames_walk(struct pw_python *python, uint64_t tstate, size_t max, struct pw_pyframes *ret);
void pw_frames_deinit(struct pw_pyframes *frames);
/* The address of the newest frame, to read ahead: nothing is checked.  0: none, or unreadable. */
uint64_t pw_frames_newest(struct pw_python *python, uint64_t tstate);

/* One frame by its address: of a PyFrameObject (`object`), which need not run any more, or of what
 * frames of this version are made of. */
struct pw_error *pw_pyframe_read(struct pw_python *python, uint64_t address, bool object,
				 struct pw_pyframe *ret);

/*
 * Whether these can be a thread state's datastack_chunk, datastack_top and datastack_limit: a chunk
 * is of 16 KiB or that doubled.  All are 0 of a thread that has not called a function yet.
 * push_chunk() and _PyThreadState_PopFrame() of Python/pystate.c, 3.11 to 3.15.
 */
bool pw_is_datastack(uint64_t chunk, uint64_t top, uint64_t limit);

#endif
