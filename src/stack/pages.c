/* Which pages to copy of a stack. */
#include "stack/pages.h"

#include "stack/native.h"

#include <stdlib.h>

enum {
	PAGE = 4096,
	ENDS = PW_STACK_ENDS / 2,
};

uint64_t pw_page_of(uint64_t address)
{
	return address & ~(uint64_t)(PAGE - 1);
}

/* From that of the stack pointer on. */
static uint64_t page_count(const struct pw_target *target, const struct pw_regs *regs)
{
	uint64_t start = pw_page_of(regs->sp), end = pw_stack_end(target, regs);
	return end > start ? (end - start + PAGE - 1) / PAGE : 0;
}

size_t pw_stack_pages(const struct pw_target *target, const struct pw_regs *regs, uint64_t *pages,
		      size_t room)
{
	uint64_t start = pw_page_of(regs->sp), in_all = page_count(target, regs);
	size_t count = 0;
	for (; count < in_all && count < PW_STACK_PAGES && count < room; count++)
		pages[count] = start + count * PAGE;
	return count;
}

size_t pw_stack_ends(const struct pw_target *target, const struct pw_regs *regs,
		     uint64_t pages[PW_STACK_ENDS])
{
	uint64_t start = pw_page_of(regs->sp), in_all = page_count(target, regs);
	size_t count = 0;
	for (uint64_t i = 0; i < in_all && i < ENDS; i++)
		pages[count++] = start + i * PAGE;
	for (uint64_t i = ENDS; i < in_all && i < PW_STACK_ENDS; i++)
		pages[count++] = start + (in_all - 1 - (i - ENDS)) * PAGE;
	return count;
}

static int compare_pages(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

size_t pw_sort_pages(uint64_t *pages, size_t count)
{
	size_t kept = 0;
	qsort(pages, count, sizeof(*pages), compare_pages);
	for (size_t i = 0; i < count; i++)
		if (!kept || pages[kept - 1] != pages[i])
			pages[kept++] = pages[i];
	return kept;
}

void pw_page_hints_note(struct pw_page_hints *hints, const uint64_t *pages, size_t count)
{
	enum { PATIENCE = 8 };
	struct pw_page_hints old = *hints;
	size_t i = 0, j = 0;

	hints->count = 0;
	while ((i < old.count || j < count) && hints->count < PW_HINTS_MAX) {
		bool known = i < old.count && (j == count || old.pages[i] <= pages[j]);
		bool read = j < count && (!known || old.pages[i] == pages[j]);
		if (read || old.unread[i] < PATIENCE) {
			hints->pages[hints->count] = read ? pages[j] : old.pages[i];
			hints->unread[hints->count++] = read ? 0 : old.unread[i] + 1;
		}
		i += known;
		j += read;
	}
}

void pw_page_hints_update(struct pw_page_hints *hints, const struct pw_target *target)
{
	size_t count;
	uint64_t *pages = hints ? pw_snapshot_pages(target, true, &count) : NULL;

	if (pages)
		pw_page_hints_note(hints, pages, count);
	free(pages);
}
