/*
 * A part of ebpf.bpf.c: the record that a thread's pieces are put into, and pieces that are native
 * stack.
 */
#ifndef PW_SAMPLE_EBPF_PIECES_BPF_H
#define PW_SAMPLE_EBPF_PIECES_BPF_H

/* ---- pieces ---- */

enum put { PUT, PUT_UNREADABLE, PUT_FULL };

/* Copies `length` bytes behind what is there. */
static __always_inline enum put put(struct scratch *s, __u64 address, __u64 length)
{
	__u64 at = s->head.used;
	known_only_here(at);
	if (at > PW_EBPF_DATA - PW_EBPF_PIECE_MAX - PIECE_HEAD)
		return PUT_FULL;
	known_only_here(length);
	if (length > PW_EBPF_PIECE_MAX)
		return PUT_FULL;
	struct pw_ebpf_piece *piece = (struct pw_ebpf_piece *)&s->data[at];
	if (bpf_probe_read_user(piece + 1, length, (const void *)address))
		return PUT_UNREADABLE;
	piece->address = address;
	piece->length = length;
	s->head.used = at + PIECE_HEAD + ((length + 7) & ~7ull);
	return PUT;
}

/* A word of what has been put at `at`. */
static __always_inline __u64 word_of(struct scratch *s, __u64 at, __s64 offset)
{
	at += PIECE_HEAD + offset;
	known_only_here(at);
	if (at > PW_EBPF_DATA - 8)
		return 0;
	return *(__u64 *)&s->data[at];
}

/* ---- native stack ---- */

struct pages {
	struct scratch *scratch;
	__u64 begin, end;
	__u32 done;
};

static long page_step(__u32 index, struct pages *pages)
{
	struct scratch *s = pages->scratch;
	__u64 at = s->head.used + PIECE_HEAD + (__u64)index * PW_EBPF_PAGE;
	__u64 from = pages->begin + (__u64)index * PW_EBPF_PAGE;
	known_only_here(at);
	if (from >= pages->end || at > PW_EBPF_DATA - PW_EBPF_PAGE ||
	    bpf_probe_read_user(&s->data[at], PW_EBPF_PAGE, (const void *)from))
		return 1;
	pages->done = index + 1;
	return 0;
}

static __always_inline void put_stack(struct scratch *s, __u64 sp, __u64 thread_pointer)
{
	struct pages pages = {.scratch = s, .begin = sp & ~(__u64)(PW_EBPF_PAGE - 1)};
	__u64 at = s->head.used;
	pages.end = pages.begin + (__u64)stack_pages * PW_EBPF_PAGE;
	/* A thread's own data stands at the end of its stack, glibc's nptl/allocatestack.c. */
	if (thread_pointer > sp && thread_pointer < pages.end)
		pages.end = thread_pointer;
	bpf_loop(stack_pages, page_step, &pages, 0);
	known_only_here(at);
	if (!pages.done || at > PW_EBPF_DATA - PIECE_HEAD)
		return;
	struct pw_ebpf_piece *piece = (struct pw_ebpf_piece *)&s->data[at];
	piece->address = pages.begin;
	piece->length = pages.done * PW_EBPF_PAGE;
	s->head.used = at + PIECE_HEAD + pages.done * PW_EBPF_PAGE;
}

#endif
