/*
 * What ebpf.bpf.c, in the kernel, and ebpf.c tell each other: which process is made how, and what a
 * thread looked like.  Only fixed-width types, laid out the same on both sides.
 */
#ifndef PW_SAMPLE_EBPF_RECORD_H
#define PW_SAMPLE_EBPF_RECORD_H

enum {
	PW_EBPF_PROCESSES = 8192,
	PW_EBPF_THREADS = 32768,
	PW_EBPF_DEPTH = 2048,	   /* of a chain; and as many _PyCFrames */
	PW_EBPF_PIECE_MAX = 1024,  /* of anything but a native stack */
	PW_EBPF_DATA = 512 * 1024, /* of a record's pieces */
	PW_EBPF_PAGE = 4096,
	PW_EBPF_TSTATES = 4, /* of one thread, which may be in several interpreters */
	PW_EBPF_CPUS = 1024, /* that ticks are sent to */
	PW_EBPF_REGS = 34,   /* words: x86-64's struct pt_regs 21, aarch64's user_pt_regs 34 */
};

/* How frames hang together. */
enum pw_ebpf_model {
	PW_EBPF_FRAME,	/* the thread state points to the newest */
	PW_EBPF_CFRAME, /* to a chain of _PyCFrames, the newest of which points to the newest */
	PW_EBPF_BOTH,	/* to both */
};

/* Offsets and lengths in bytes; an offset below 0: there is none. */
struct pw_ebpf_config {
	__u64 head_slot; /* where the pointer to the newest interpreter stands; 0: not known */
	__u64 gil;	 /* what says who holds the one GIL of them all; 0: each has its own */
	__u64 eval;	 /* the function that runs bytecode; 0: unknown, or of no interest */
	__u64 code_type; /* of code objects; 0: unknown */
	__u32 model;	 /* enum pw_ebpf_model */
	__s32 interp_next, interp_threads, interp_gil;
	__s32 tstate_next, tstate_interp, tstate_thread_id, tstate_native_id;
	__s32 tstate_frame, tstate_cframe, tstate_root;
	__s32 cframe_previous, cframe_frame;
	__s32 frame_back, frame_code, object_type;
	__s32 code_name, name_key; /* from the name object, to its length and hash */
	__s32 gil_locked,
		gil_holder; /* the holder counts only while it is locked, if that is there */
	__s32 pthread_tid;  /* where glibc keeps a thread's number, behind its thread_id */
	__u32 tstate_at, tstate_length;
	__u32 cframe_length, frame_length, code_length;
	__u32 gil_at, gil_length; /* from `gil`, or from where the interpreter points to */
};

/* Followed by its bytes, which are filled up to a multiple of 8. */
struct pw_ebpf_piece {
	__u64 address;
	__u32 length, unused;
};

enum { PW_EBPF_CUT = 1 };

struct pw_ebpf_head {
	__u64 time, tstate, thread_pointer;
	__u32 pid, tid, flags, used; /* bytes of pieces behind it */
	__u32 periods, unused;	     /* of the clock, that it stands for */
	__u64 regs[PW_EBPF_REGS];
};

/* Ticks that are sent: who sends them, to where, and what became of that. */
struct pw_ebpf_pulse {
	__u64 displaced;	    /* ticks of threads that made way for the one that sends */
	__u64 sent, skipped;	    /* periods; skipped: over before their tick was sent */
	__u32 ticker;		    /* its number; 0: nobody sends */
	__u32 periods;		    /* that each tick of now stands for; 0: one */
	__u8 running[PW_EBPF_CPUS]; /* whether a watched thread runs there */
};

/* What became of ticks: each is counted once, and once more as what it became (or as displaced, in
 * struct pw_ebpf_pulse). */
enum pw_ebpf_count {
	PW_EBPF_TICKS,
	PW_EBPF_TAKEN,
	PW_EBPF_RING_FULL,
	PW_EBPF_UNREADABLE, /* a thread state or a frame is not where a pointer says, or paged out
			     */
	PW_EBPF_STRANGE,    /* a process that nobody told us of; or what runs another program now */
	PW_EBPF_ENDING,	    /* a thread that has no memory any more */
	PW_EBPF_COUNTS
};

#endif
