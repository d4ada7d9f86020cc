/*
 * Ticks of the engine ebpf that are sent: at each, a thread of ours has the kernel run the program
 * on the processors where watched threads run, by an interrupt to each.
 *
 * A thread's own clock is better in all but one thing: in a virtual machine setting a timer costs
 * as much as the interrupt that it ends in, each of them an exit to the host, and the target pays
 * for both.  At high rates that is most of what it pays (docs/ebpf.md has figures).
 *
 * BPF_PROG_TEST_RUN with BPF_F_TEST_RUN_ON_CPU: net/bpf/test_run.c, kernel/trace/bpf_trace.c
 * (bpf_prog_test_run_raw_tp()), Linux 5.10 and later.
 */
#ifndef PW_SAMPLE_EBPF_TICKER_H
#define PW_SAMPLE_EBPF_TICKER_H

#include <stdbool.h>
#include <stdint.h>

struct pw_ebpf_ticker;
struct pw_ebpf_pulse;

/*
 * `program` is what runs, `pulse` what it and its hook of context switches tell; both last longer
 * than the ticker.  NULL: there can be none here, as the kernel does not run the program, the only
 * processor is the target's, or a thread cannot be started.
 */
struct pw_ebpf_ticker *pw_ebpf_ticker_start(int program, struct pw_ebpf_pulse *pulse,
					    uint64_t period);
/* Threads were added, which may run anywhere. */
void pw_ebpf_ticker_look_everywhere(struct pw_ebpf_ticker *ticker);
/* Watched threads run on all processors, so that one always waits for us while the others are
 * looked at: the ticks are not fair, and none is sent any more. */
bool pw_ebpf_ticker_gave_up(const struct pw_ebpf_ticker *ticker);
void pw_ebpf_ticker_stop(struct pw_ebpf_ticker *ticker); /* takes NULL */

#endif
