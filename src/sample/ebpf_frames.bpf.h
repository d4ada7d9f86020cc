/*
 * A part of ebpf.bpf.c: copies what a thread's frames consist of; the links are followed as
 * src/python/frame.c does.
 */
#ifndef PW_SAMPLE_EBPF_FRAMES_BPF_H
#define PW_SAMPLE_EBPF_FRAMES_BPF_H

/* ---- frames ---- */

struct walk {
	const struct pw_ebpf_config *config;
	struct scratch *scratch;
	__u64 at, end;
	enum put put;
};

static long cframe_step(__u32 index, struct walk *walk)
{
	struct scratch *s = walk->scratch;
	__u64 at = s->head.used;
	if (!walk->at || walk->at == walk->end)
		return 1;
	walk->put = put(s, walk->at, walk->config->cframe_length);
	if (walk->put != PUT)
		return 1;
	walk->at = word_of(s, at, walk->config->cframe_previous);
	return 0;
}

/* With the length and the hash of its name: another one is readily made of the same memory. */
static __always_inline void put_code(struct scratch *s, const struct pw_ebpf_config *config,
				     __u64 code)
{
	enum { LENGTH_AND_HASH = 16 };
	__u64 at = s->head.used;
	__u32 slot = (__u32)(code >> 5) % CODES;
	if (!code || (s->codes[slot].code == code && s->codes[slot].number == s->number))
		return;
	if (put(s, code, config->code_length) != PUT)
		return;
	if (put(s, word_of(s, at, config->code_name) + config->name_key, LENGTH_AND_HASH) != PUT)
		return;
	s->codes[slot].code = code;
	s->codes[slot].number = s->number;
}

static long frame_step(__u32 index, struct walk *walk)
{
	struct scratch *s = walk->scratch;
	__u64 at = s->head.used;
	if (!walk->at || walk->at == walk->end)
		return 1;
	walk->put = put(s, walk->at, walk->config->frame_length);
	if (walk->put != PUT)
		return 1;
	/* Of 3.14+, tagged. */
	put_code(s, walk->config, word_of(s, at, walk->config->frame_code) & ~7ull);
	walk->at = word_of(s, at, walk->config->frame_back);
	return 0;
}

/* What it takes to say who holds the GIL; not vital. */
static __always_inline void put_gil(struct scratch *s, const struct pw_ebpf_config *config,
				    __u64 interp)
{
	__u64 gil = config->gil;
	if (!gil && config->interp_gil >= 0 && interp) {
		__u64 at = s->head.used;
		if (put(s, interp + config->interp_gil, 8) == PUT)
			gil = word_of(s, at, 0);
	}
	if (gil)
		put(s, gil + config->gil_at, config->gil_length);
}

static __always_inline enum put put_cframes(struct scratch *s, const struct pw_ebpf_config *config,
					    __u64 from, __u64 root)
{
	struct walk walk = {.config = config, .scratch = s, .at = from, .end = root};
	bpf_loop(PW_EBPF_DEPTH, cframe_step, &walk, 0);
	return walk.put;
}

/* Up to the frame `end`, or up to the oldest. */
static __always_inline enum put put_frames(struct scratch *s, const struct pw_ebpf_config *config,
					   __u64 from, __u64 end, __u32 most)
{
	struct walk walk = {.config = config, .scratch = s, .at = from, .end = end};
	bpf_loop(most, frame_step, &walk, 0);
	if (walk.put == PUT && walk.at && walk.at != end)
		return PUT_FULL;
	return walk.put;
}

/*
 * 3.11 and 3.12: the evaluation function publishes its _PyCFrame before it fills it, so that it
 * leads to what an earlier call left there.  The enclosing one, from which all older frames come,
 * is then the one it seems to be linked to; or it is in a register, to be put there; or else it is
 * found higher on the stack.
 */

struct ascent {
	const struct pw_ebpf_config *config;
	__u64 at, root;
};

static long ascend(__u32 index, struct ascent *ascent)
{
	if (ascent->at == ascent->root)
		return 1;
	__u64 previous = read_word(ascent->at + ascent->config->cframe_previous);
	if (previous % 8 || (previous <= ascent->at && previous != ascent->root)) {
		ascent->at = 0;
		return 1;
	}
	ascent->at = previous;
	return 0;
}

/* Whether a chain of _PyCFrames begins there. */
static __always_inline bool is_chain(const struct pw_ebpf_config *config, __u64 at, __u64 root)
{
	struct ascent ascent = {.config = config, .at = at, .root = root};
	bpf_loop(PW_EBPF_DEPTH, ascend, &ascent, 0);
	return ascent.at == root;
}

struct enclosing {
	struct scratch *scratch;
	const struct pw_ebpf_config *config;
	__u64 newest, root, found;
};

static __always_inline bool encloses(struct enclosing *enclosing, __u64 at)
{
	enum { FAR = 1 << 20 };
	const struct pw_ebpf_config *config = enclosing->config;
	if (at != enclosing->root &&
	    (at % 8 || at <= enclosing->newest || at - enclosing->newest > FAR))
		return false;
	if (!is_chain(config, at, enclosing->root))
		return false;
	/* Whatever points to one of them looks like one, but for its frame. */
	if (at != enclosing->root && config->code_type) {
		__u64 code = read_word(read_word(at + config->cframe_frame) + config->frame_code);
		if (read_word(code + config->object_type) != config->code_type)
			return false;
	}
	enclosing->found = at;
	return true;
}

static long try_register(__u32 index, struct enclosing *enclosing)
{
	return index >= REGS || encloses(enclosing, enclosing->scratch->head.regs[index]);
}

static long try_stack(__u32 index, struct enclosing *enclosing)
{
	__u64 at = enclosing->newest + 8 + 8 * (__u64)index;
	__u64 previous = read_word(at + enclosing->config->cframe_previous);
	return (previous == enclosing->root || (previous > at && previous % 8 == 0)) &&
	       encloses(enclosing, at);
}

static __always_inline __u64 find_enclosing(struct scratch *s, const struct pw_ebpf_config *config,
					    __u64 newest, __u64 root)
{
	enum { SCAN = 1 << 10 }; /* words */
	struct enclosing enclosing = {
		.scratch = s, .config = config, .newest = newest, .root = root};
	if (encloses(&enclosing, read_word(newest + config->cframe_previous)))
		return enclosing.found;
	bpf_loop(REGS, try_register, &enclosing, 0);
	if (!enclosing.found)
		bpf_loop(SCAN, try_stack, &enclosing, 0);
	return enclosing.found;
}

/* Both what the newest leads to and what the enclosing one does; who decodes it sees which is true.
 */
static __always_inline enum put put_entering(struct scratch *s, const struct pw_ebpf_config *config,
					     __u64 newest, __u64 root)
{
	enum { NEW = 64 }; /* frames at most that have come since the enclosing one's */
	enum put done = put(s, newest, config->cframe_length);
	if (done != PUT)
		return done;
	__u64 enclosing = find_enclosing(s, config, newest, root);
	if (!enclosing)
		return PUT_UNREADABLE;
	done = put_cframes(s, config, enclosing, root);
	__u64 older = read_word(enclosing + config->cframe_frame);
	if (done == PUT)
		done = put_frames(s, config, older, 0, PW_EBPF_DEPTH);
	if (done == PUT)
		put_frames(s, config, read_word(newest + config->cframe_frame), older, NEW);
	return done;
}

static __always_inline enum put put_linked(struct scratch *s, const struct pw_ebpf_config *config,
					   __u64 newest, __u64 root, __u64 frame)
{
	if (config->model == PW_EBPF_BOTH)
		put_cframes(s, config, newest, root);
	if (config->model == PW_EBPF_CFRAME) {
		enum put done = put_cframes(s, config, newest, root);
		if (done != PUT)
			return done;
		frame = newest ? read_word(newest + config->cframe_frame) : 0;
	}
	return put_frames(s, config, frame, 0, PW_EBPF_DEPTH);
}

static __always_inline bool may_enter(const struct pw_ebpf_config *config, __u64 pc)
{
	enum { PROLOGUE = 0x180 }; /* as pw_eval_in_prologue() has it */
	return config->eval && pc > config->eval && pc - config->eval < PROLOGUE;
}

static __always_inline enum put put_python(struct scratch *s, const struct pw_ebpf_config *config,
					   __u64 tstate)
{
	__u64 at = s->head.used, newest = 0, frame = 0, root = tstate + config->tstate_root;
	enum put done = put(s, tstate + config->tstate_at, config->tstate_length);
	if (done != PUT)
		return done;
	__s64 base = -(__s64)config->tstate_at;
	__u64 interp = word_of(s, at, base + config->tstate_interp);
	if (config->model != PW_EBPF_CFRAME)
		frame = word_of(s, at, base + config->tstate_frame);
	if (config->model != PW_EBPF_FRAME)
		newest = word_of(s, at, base + config->tstate_cframe);
	if (newest && newest != root && may_enter(config, s->head.regs[REG_PC]))
		done = put_entering(s, config, newest, root);
	else
		done = put_linked(s, config, newest, root, frame);
	if (done == PUT_FULL)
		s->head.flags |= PW_EBPF_CUT;
	put_gil(s, config, interp);
	return done;
}

#endif
