/*
 * What resume.c and resume_groups.c share: frames that are proved to run, and how they hang
 * together.
 */
#ifndef PW_PYTHON_RESUME_PRIVATE_H
#define PW_PYTHON_RESUME_PRIVATE_H

#include "python/frame_private.h"

#include <uthash.h>

struct pw_resume_node {
	uint64_t address;
	struct pw_iframe frame;
	uint64_t place;	  /* on the data stack, 0: not there */
	size_t generator; /* among those that the thread runs, the newest is 1; 0: not one */
	enum pw_runs runs;
	bool begun;
	bool begins_gap;		      /* frames behind it were looked for from here */
	bool newer_than_newest;		      /* so that it has been left, or is not begun */
	enum pw_runs proof;		      /* that it runs; PW_RUNS_NOT: there is none */
	struct pw_resume_node *older, *newer; /* in the same C evaluation frame */
	UT_hash_handle hh;
};

/* Frames that run in one C evaluation frame; in 3.11 all whose links are whole. */
struct pw_resume_group {
	struct pw_resume_node *newest;
	size_t count;
	bool run_by_c;	    /* its oldest frame is a generator's */
	uint64_t high, low; /* places of the newest and the oldest on the data stack, 0: none */
	uint64_t link;	    /* of the oldest frame, to what is not among these */
	uint64_t shim;	    /* where its entry frame stood, 0: not known */
};

struct pw_resume {
	struct pw_python *python;
	const struct pw_pyframes *walked;
	uint64_t newest;
	const struct pw_mapping *c_stack; /* NULL: not known */
	bool has_shims;
	struct pw_datastack stack;
	struct pw_resume_node *nodes;
	bool nomem;
	bool contradicts; /* what was read cannot all be true */
	size_t proved;	  /* nodes that the thread counts */
	size_t depth;	  /* as the thread counts; 0: it does not */
	struct pw_resume_group *groups;
	size_t group_count, group_capacity;
	size_t untold, unplaced; /* frames that are left out */
};

struct pw_resume_node *pw_resume_find(struct pw_resume *r, uint64_t address);

/* resume_groups.c: fills r->groups, newest first; the frames that are proved to run, newest first,
 * as a list that the caller owns; NULL: they contradict each other, or out of memory (r->nomem). */
struct pw_pyframe *pw_resume_list(struct pw_resume *r, size_t *ret_count);

#endif
