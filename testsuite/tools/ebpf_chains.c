/*
 * Samples a process with the engine ebpf, and follows the frames of each moment the simple way:
 * ebpf_chains PID RATE MOMENTS [native]
 *
 * Writes distinct chains as "PID;NAME (FILE);... COUNT", oldest first, for check_stacks.py; a chain
 * that leads out of what was copied ends in "lost (?.py)"; of children only "PID COUNT".  Of what
 * is caught in 3.11's and 3.12's window, in which the newest _PyCFrame is stale, the chain is that
 * of the enclosing one, which was copied behind it; what is caught while a generator's frame is
 * taken off the chain (python/frame.c, end_chain()) is only counted.  Names are read from the live
 * process, of code objects that live as long as it does.
 *
 * Says "attached" on stderr when it is, and has the counts in the last line.  Ends after so many
 * moments, or when the process does.  Exit status 77: there are no rights, or no engine.
 */
#include "sample/ebpf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DEPTH_MAX = 5000, NO_ENGINE = 77 };

struct name {
	uint64_t code;
	char *text;
	UT_hash_handle hh;
};

struct chain {
	char *text;
	unsigned long count;
	UT_hash_handle hh;
};

static struct {
	struct pw_session *session;
	struct name *names;
	struct chain *chains;
	unsigned long moments, window, torn, native, without, cut, others;
	uint64_t bytes;
} t;

static void check(struct pw_error *error)
{
	if (!error)
		return;
	enum pw_error_code code = pw_error_code(error);
	fprintf(stderr, "ebpf_chains: %s\n", pw_error_message(error));
	exit(code == PW_ERROR_PERMISSION || code == PW_ERROR_UNSUPPORTED ? NO_ENGINE : 1);
}

static uint64_t code_asked; /* the address that is asked for now, if it is a code object's */

static bool find(const struct pw_moment *m, uint64_t address, size_t length, void *ret)
{
	/* Pieces come in the order in which frames are asked for, each code object's once. */
	static size_t lasts[2];
	size_t *last = &lasts[address == code_asked];
	for (size_t i = 0; i < m->piece_count; i++) {
		size_t at = (*last + i) % m->piece_count;
		const struct pw_piece *p = &m->pieces[at];
		if (address < p->address || address - p->address >= p->done ||
		    p->done - (address - p->address) < length)
			continue;
		memcpy(ret, (const uint8_t *)p->buffer + (address - p->address), length);
		*last = at;
		return true;
	}
	return false;
}

static bool word(const struct pw_moment *m, uint64_t base, struct pw_field field, uint64_t *ret)
{
	return find(m, base + (uint64_t)field.offset, sizeof(*ret), ret);
}

static const char *name_of(uint64_t code)
{
	struct name *name;
	HASH_FIND(hh, t.names, &code, sizeof(code), name);
	if (name)
		return name->text;
	struct pw_code loaded;
	pw_code_load(&t.session->python, code, &loaded);
	name = calloc(1, sizeof(*name));
	name->code = code;
	if (asprintf(&name->text, "%s (%s)", loaded.name ? loaded.name : "unreadable",
		     loaded.filename ? loaded.filename : "?.py") < 0)
		abort();
	HASH_ADD(hh, t.names, code, sizeof(code), name);
	pw_code_deinit(&loaded);
	return name->text;
}

enum end { WHOLE, TORN, LOST };

/* The code objects of a chain, newest first. */
static enum end follow(const struct pw_moment *m, bool entering, uint64_t *codes, size_t *ret_count)
{
	const struct pw_layout *l = &t.session->python.layout;
	bool iframes = pw_has(l, iframe_code);
	struct pw_field link = pw_has(l, tstate_frame)	  ? l->tstate_frame
			       : pw_has(l, tstate_cframe) ? l->tstate_cframe
							  : l->tstate_current_frame;
	uint64_t at;
	bool last_is_entry = true;
	*ret_count = 0;
	if (!word(m, m->tstate, link, &at))
		return LOST;
	if (entering)
		at = m->pieces[2].address;
	if (at && iframes && pw_has(l, tstate_cframe) && !word(m, at, l->cframe_current_frame, &at))
		return LOST;
	while (at && *ret_count < DEPTH_MAX) {
		uint64_t code, at_frame = at;
		uint8_t owner = 0, entry = 1;
		if (iframes && !find(m, at + (uint64_t)l->iframe_owner.offset, 1, &owner))
			return LOST;
		if (!word(m, at, iframes ? l->iframe_code : l->frame_code, &code) ||
		    !word(m, at, iframes ? l->iframe_previous : l->frame_back, &at))
			return LOST;
		code &= ~(uint64_t)7;
		if (iframes &&
		    ((pw_has(l, owner_cstack) && owner == l->owner_cstack.offset) ||
		     (pw_has(l, owner_interpreter) && owner == l->owner_interpreter.offset))) {
			last_is_entry = true;
			continue;
		}
		if (iframes && pw_has(l, iframe_is_entry) &&
		    !find(m, at_frame + (uint64_t)l->iframe_is_entry.offset, 1, &entry))
			return LOST;
		last_is_entry = !iframes || (pw_has(l, iframe_is_entry) && entry);
		uint64_t type;
		code_asked = code + (uint64_t)l->object_type.offset;
		if (!word(m, code, l->object_type, &type))
			return LOST;
		codes[(*ret_count)++] = code;
	}
	return last_is_entry ? WHOLE : TORN;
}

static void add(const char *text, unsigned long periods)
{
	struct chain *chain;
	HASH_FIND_STR(t.chains, text, chain);
	if (!chain) {
		chain = calloc(1, sizeof(*chain));
		chain->text = strdup(text);
		HASH_ADD_KEYPTR(hh, t.chains, chain->text, strlen(chain->text), chain);
	}
	chain->count += periods;
}

static void got(void *data, const struct pw_moment *m)
{
	static uint64_t codes[DEPTH_MAX];
	size_t count;
	bool entering = false;
	uint8_t top;
	char other[16];
	t.moments++;
	for (size_t i = 0; i < m->piece_count; i++)
		t.bytes += m->pieces[i].done;
	t.native += m->has_regs && find(m, m->regs.sp, 1, &top);
	t.cut += m->cut;
	if (m->pid != t.session->target->pid) {
		t.others++;
		snprintf(other, sizeof(other), "%d", (int)m->pid);
		add(other, m->periods);
		return;
	}
	if (!m->tstate) {
		t.without++;
		return;
	}
	if (pw_eval_in_prologue(&t.session->python, m->regs.pc)) {
		t.window++;
		/* The outermost one is in the thread state: then there are no frames. */
		entering = m->piece_count > 2 && m->pieces[2].done < 64;
		if (!entering)
			return;
	}
	enum end end = follow(m, entering, codes, &count);
	if (end == TORN) {
		t.torn++;
		return;
	}
	pw_auto_buffer struct pw_buffer text = {0};
	pw_buffer_printf(&text, "%d", (int)m->pid);
	while (count-- > 0)
		pw_buffer_printf(&text, ";%s", name_of(codes[count]));
	if (end == LOST)
		pw_buffer_printf(&text, ";lost (?.py)");
	add(text.data, m->periods);
}

int main(int argc, char **argv)
{
	const struct pw_options options = {.size = sizeof(options)};
	struct pw_ebpf *ebpf;
	bool ended = false;
	if (argc < 4)
		return 2;
	unsigned long wanted = strtoul(argv[3], NULL, 0);
	check(pw_session_open_pid(atoi(argv[1]), &options, &t.session));
	check(pw_ebpf_open(atof(argv[2]), argc > 4, &ebpf));
	check(pw_ebpf_add(ebpf, t.session));
	/* As after an exec: no thread is to be met twice for it. */
	check(pw_ebpf_add(ebpf, t.session));
	fprintf(stderr, "attached\n");
	while (!ended && t.moments < wanted) {
		nanosleep(&(struct timespec){0, 5000000}, NULL);
		pw_auto_error struct pw_error *error =
			t.session->target->ops->refresh(t.session->target);
		ended = error;
		check(pw_ebpf_drain(ebpf, got, NULL));
	}
	struct pw_ebpf_counts c = pw_ebpf_count(ebpf);
	/* Nobody has inherited: its events are gone. */
	pw_ebpf_remove(ebpf, t.session->target->pid);
	uint64_t removed = pw_ebpf_count(ebpf).ticks;
	nanosleep(&(struct timespec){0, 50000000}, NULL);
	removed = pw_ebpf_count(ebpf).ticks - removed;
	for (struct chain *chain = t.chains; chain; chain = chain->hh.next)
		printf("%s %lu\n", chain->text, chain->count);
	fprintf(stderr,
		"%lu moments, %lu in the window, %lu torn, %lu with a stack, %lu without a thread "
		"state, %lu cut, %lu of others, %lu bytes each; %lu ticks: %lu taken, ring full "
		"%lu, "
		"unreadable %lu, strange %lu, ending %lu; %lu after its removal\n",
		t.moments, t.window, t.torn, t.native, t.without, t.cut, t.others,
		t.moments ? t.bytes / t.moments : 0, c.ticks, c.taken, c.ring_full, c.unreadable,
		c.strange, c.ending, removed);
	pw_ebpf_close(ebpf);
	pw_session_close(t.session);
	return 0;
}
