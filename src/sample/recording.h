/*
 * The file format of recordings, docs/recording.md.  Private to sample/.
 *
 *	file   = magic version block*
 *	block  = length crc record*	4 bytes each, little-endian; the CRC-32 of the records
 *	record = kind field*		numbers as LEB128, signed ones zigzag
 *
 * Texts, functions, frames and nodes have numbers in the order of the file, from 1 on for texts (0:
 * none) and nodes (0: the root), from 0 on for all else.
 */
#ifndef PW_SAMPLE_RECORDING_H
#define PW_SAMPLE_RECORDING_H

#include <stdint.h>

#define PW_RECORDING_MAGIC "\x89PWREC\r\n"

enum {
	PW_RECORDING_MAGIC_LENGTH = 8,
	PW_RECORDING_VERSION = 1,
	PW_RECORDING_BLOCK_MAX = 1 << 26, /* a longer one is damaged */
};

enum pw_record {
	PW_RECORD_END,	    /* nothing: the recording is complete */
	PW_RECORD_TEXT,	    /* length, bytes */
	PW_RECORD_PROCESS,  /* pid (signed), parent (signed), executable, python, command */
	PW_RECORD_THREAD,   /* process, tid, ns_tid, name, kernel_name; again when a name changes */
	PW_RECORD_FUNCTION, /* kind, name, file, module, first_line (signed) */
	PW_RECORD_FRAME,    /* function, line (signed) */
	PW_RECORD_NODE,	    /* parent, frame */
	PW_RECORD_SAMPLE,   /* time since the last one, weight, resident - the last one's (signed),
			       thread, node, flags */
	PW_RECORD_INFO,	    /* engine, clock, bits (below), the two rates in 1e-6,
			       start, duration, ticks, missed, lost, torn, impossible, pauses,
			       pause_median, pause_p99, pause_max, own_cpu */
};

enum {
	PW_RECORD_NATIVE = 1,
	PW_RECORD_LINES = 2,
	PW_RECORD_MEMORY = 4,
	PW_RECORD_CUT = 8, /* one that this one was made of was cut off */
};

#endif
