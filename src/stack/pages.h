/*
 * Which pages to copy of a stack: by their addresses, for pw_snapshot_prefetch().
 */
#ifndef PW_STACK_PAGES_H
#define PW_STACK_PAGES_H

#include "target/target.h"

enum {
	PW_STACK_PAGES = 1 << 14, /* of one stack, at most */
	PW_STACK_ENDS = 4,	  /* of a sleeper's: most stacks have no more */
};

/* The address of the page around an address. */
uint64_t pw_page_of(uint64_t address);
/* From the stack pointer to the stack's end: how many were written to `ret`, at most `room`. */
size_t pw_stack_pages(const struct pw_target *target, const struct pw_regs *regs, uint64_t *ret,
		      size_t room);
/* Of these the first and the last ones.  Between them are buffers, as of select(), or more frames,
 * which are read as they are walked. */
size_t pw_stack_ends(const struct pw_target *target, const struct pw_regs *regs,
		     uint64_t ret[PW_STACK_ENDS]);
/* Sorted in place, each once; returns how many are left. */
size_t pw_sort_pages(uint64_t *pages, size_t count);

/* Pages that were read of stopped threads, in the order of their addresses: the next pause is
 * likely to read them again, and one call for all takes less than one for each.  Begins as {0}. */
enum { PW_HINTS_MAX = 256 };
struct pw_page_hints {
	size_t count;
	uint64_t pages[PW_HINTS_MAX];
	unsigned unread[PW_HINTS_MAX]; /* how many pauses ago each was read last */
};
/* After a pause that has read `pages`, which are sorted. */
void pw_page_hints_note(struct pw_page_hints *hints, const uint64_t *pages, size_t count);
/* After one whose snapshot is still there, by what was read of it.  hints: NULL: nobody looks
 * again.
 */
void pw_page_hints_update(struct pw_page_hints *hints, const struct pw_target *target);

#endif
