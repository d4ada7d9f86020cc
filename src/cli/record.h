/* `pywalk record`: what its files share. */
#ifndef PW_CLI_RECORD_H
#define PW_CLI_RECORD_H

#include "cli/sampling.h"

/* The processes that are sampled (record_processes.c). */
struct record_processes {
	const struct cli_common *common;
	struct pw_sampler *sampler;
	bool descendants;      /* also those that they start */
	const regex_t *wanted; /* of descendants: whose command fits; NULL: all */
	struct record_process *items;
	size_t count, capacity;
	uint64_t looked; /* for descendants, ns; CLOCK_MONOTONIC */
	enum cli_exit status;
};

/* One that was named: a failure is reported, and the status says so. */
void record_add(struct record_processes *processes, const struct cli_target *target);
/* One that was started by us: it may take its time to become Python. */
void record_add_command(struct record_processes *processes, pid_t pid);
/* One that is not sampled itself: only those that it starts. */
void record_add_parent(struct record_processes *processes, pid_t pid);
/* Looks after them: opens those that have become Python, finds descendants, drops what has ended.
 */
void record_tend(struct record_processes *processes);
/* For pw_sampler_look(). */
void record_gone(void *data, struct pw_session *session, struct pw_error *error);
/* The sampler lets go of them, until record_move(). */
void record_leave(struct record_processes *processes);
/* From now on that sampler looks at them; what it cannot is opened anew by record_tend(). */
void record_move(struct record_processes *processes, struct pw_sampler *to);
/* How many there are that are sampled, or may be. */
size_t record_alive(const struct record_processes *processes);
void record_processes_deinit(struct record_processes *processes);

#endif
