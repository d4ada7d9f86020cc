/*
 * Finds out that a chain of addresses runs in a circle (Brent's algorithm): no memory, each address
 * once.
 */
#ifndef PW_BASE_CYCLE_H
#define PW_BASE_CYCLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialised at the start of a chain. */
struct pw_cycle {
	uint64_t tortoise; /* an address met before */
	size_t power, steps;
	size_t mark; /* the position at which the tortoise was met */
};

/*
 * To be called for every address of the chain.  `position` counts whatever the caller lists of it.
 * true: the address has been met before, when `mark` was the position, and everything in between is
 * the circle.
 */
static inline bool pw_cycle_step(struct pw_cycle *c, uint64_t address, size_t position)
{
	if (c->power == 0) {
		*c = (struct pw_cycle){address, 1, 0, position};
		return false;
	}
	if (address == c->tortoise)
		return true;
	if (++c->steps >= c->power)
		*c = (struct pw_cycle){address, c->power * 2, 0, position};
	return false;
}

#endif
