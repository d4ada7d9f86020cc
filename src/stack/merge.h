/*
 * Merging: one list out of a thread's native frames and its Python frames.  A pure function: no
 * target, no layout, no I/O.  docs/pairing.md tells the rules in prose.
 *
 * Two kinds of proof:
 * - address: the anchor of a group of Python frames lies inside [sp, cfa) of a native frame;
 * - pointer (CPython 3.9 and older): the native evaluation frame holds the pointer to the Python
 * frame, in its part of the stack or in a register. What neither proves is placed by order where
 * counts agree, else by its place, and says so.
 */
#ifndef PW_STACK_MERGE_H
#define PW_STACK_MERGE_H

#include "pywalk.h"

struct pw_merge_native {
	uint64_t sp, cfa;      /* [sp, cfa) is its part of the stack; cfa 0: unknown */
	bool inlined;	       /* pseudo-frame: hosts nothing */
	bool eval;	       /* known by name or range to be an evaluation function */
	const uint64_t *words; /* what the frame holds: its stack and its registers; may be NULL */
	size_t word_count;
};

struct pw_merge_python {
	uint64_t anchor;  /* address on the stack, 0: none */
	uint64_t pointer; /* what its C frame holds, 0: an anchor says more */
	bool entry;	  /* the oldest frame of its group: the group ends here */
	uint32_t chain;	  /* the thread state it belongs to: frames of one chain keep their order */
};

struct pw_merge_item {
	enum pw_frame_kind kind;
	size_t index;	     /* into the list of its kind */
	enum pw_proof proof; /* of Python frames */
	int64_t native;	     /* of Python frames: the native frame that runs it, -1: none */
};

/*
 * All lists are newest first; Python frames of several chains follow each other chain by chain.
 * `ret` has room for native_count + python_count items; every frame of both lists appears exactly
 * once, native ones in their order.  Returns false when out of memory.
 */
bool pw_merge(const struct pw_merge_native *natives, size_t native_count,
	      const struct pw_merge_python *pythons, size_t python_count,
	      struct pw_merge_item *ret);

#endif
