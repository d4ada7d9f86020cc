/* The notes of a core: threads, the process, mapped files, the auxiliary vector. */
#include "target/core.h"

#include <signal.h>
#include <string.h>

/* NT_PRSTATUS: a thread. */
static struct pw_error *parse_prstatus(struct pw_core *core, const uint8_t *desc, size_t size)
{
	const struct pw_arch *arch = core->base.arch;
	if (size < arch->prstatus_regs + arch->regs_size) {
		core->notes_cut = true;
		return NULL;
	}
	int32_t tid;
	int16_t signal;
	memcpy(&tid, desc + arch->prstatus_pid, sizeof(tid));
	/* pr_cursig, behind the three ints of pr_info. */
	memcpy(&signal, desc + 12, sizeof(signal));
	struct pw_lwp lwp = {.tid = (uint32_t)tid, .ns_tid = (uint32_t)tid, .has_regs = true};
	arch->decode_regs(desc + arch->prstatus_regs, &lwp.regs);
	/* The thread that died comes first.  Nobody dies of SIGSTOP: a debugger stopped it for a
	 * core. */
	if (!core->has_prstatus && signal > 0 && signal < 128 && signal != SIGSTOP)
		core->base.signal = signal;
	core->has_prstatus = true;
	return pw_target_add_lwp(&core->base, &lwp);
}

/* NT_PRPSINFO: the process. */
static void parse_prpsinfo(struct pw_core *core, const uint8_t *desc, size_t size)
{
	const struct pw_arch *arch = core->base.arch;
	enum { FNAME = 16 };
	if (size < arch->prpsinfo_fname + FNAME)
		return;
	int32_t pid;
	memcpy(&pid, desc + arch->prpsinfo_pid, sizeof(pid));
	if (pid > 0)
		core->base.pid = core->base.ns_pid = pid;
	const char *fname = (const char *)desc + arch->prpsinfo_fname;
	struct pw_lwp lwp;
	pw_lwp_set_name(&lwp, fname, strnlen(fname, FNAME));
	memcpy(core->comm, lwp.name, sizeof(core->comm));
}

/* NT_AUXV: pairs of words up to AT_NULL. */
static void parse_auxv(struct pw_core *core, const uint8_t *desc, size_t size)
{
	uint64_t pair[2];
	for (size_t at = 0; at + sizeof(pair) <= size; at += sizeof(pair)) {
		memcpy(pair, desc + at, sizeof(pair));
		if (pair[0] == AT_NULL)
			return;
		if (pair[0] == AT_ENTRY)
			core->entry = pair[1];
		if (pair[0] == AT_EXECFN)
			core->execfn = pair[1];
		if (pair[0] == AT_SYSINFO_EHDR)
			core->vdso = pair[1];
	}
}

/* NT_FILE: count, page size, `count` times (start, end, offset in pages), then as many paths. */
static struct pw_error *parse_file(struct pw_core *core, const uint8_t *desc, size_t size)
{
	uint64_t head[2], triple[3];
	if (size < sizeof(head))
		return NULL;
	memcpy(head, desc, sizeof(head));
	uint64_t count = head[0], page_size = head[1];
	uint64_t most = (size - sizeof(head)) / sizeof(triple);
	core->names = calloc(count < most ? count + 1 : most + 1, sizeof(*core->names));
	if (!core->names)
		return &pw_error_nomem;
	/* With a triple missing there are no paths. */
	if (count > most) {
		core->notes_cut = true;
		return NULL;
	}
	size_t paths_at = sizeof(head) + (size_t)count * sizeof(triple);
	const char *path = (const char *)desc + paths_at;
	size_t left = size - paths_at;
	for (uint64_t i = 0; i < count; i++) {
		size_t length = strnlen(path, left);
		if (length == left) {
			core->notes_cut = true;
			break;
		}
		memcpy(triple, desc + sizeof(head) + i * sizeof(triple), sizeof(triple));
		if (triple[0] < triple[1] && length && length < 4096)
			core->names[core->name_count++] = (struct core_name){
				.start = triple[0],
				.end = triple[1],
				.offset = triple[2] * page_size,
				.path = path,
				.file = SIZE_MAX,
			};
		path += length + 1;
		left -= length + 1;
	}
	return NULL;
}

/* NT_SIGINFO: si_signo comes first. */
static void parse_siginfo(struct pw_core *core, const uint8_t *desc, size_t size)
{
	int32_t signal;
	if (size < sizeof(signal))
		return;
	memcpy(&signal, desc, sizeof(signal));
	if (signal > 0 && signal < 128 && signal != SIGSTOP)
		core->base.signal = signal;
}

/* The kernel bounds NT_FILE to 4 MiB, 16 MiB at most (core_file_note_size_limit). */
static struct pw_error *read_file_note(struct pw_core *core, uint64_t offset, uint64_t size)
{
	enum { FILE_NOTE_MAX = 32 << 20 };
	if (core->file_note)
		return NULL;
	if (size > FILE_NOTE_MAX) {
		core->notes_cut = true;
		size = FILE_NOTE_MAX;
	}
	core->file_note = malloc((size_t)size + 1);
	if (!core->file_note)
		return &pw_error_nomem;
	if (!core_get(core, offset, core->file_note, (size_t)size))
		return NULL;
	return parse_file(core, (const uint8_t *)core->file_note, (size_t)size);
}

/* Reads and takes apart the notes that are of use; the others, most of the bytes, are not read. */
static struct pw_error *parse_note(struct pw_core *core, const char *owner, uint32_t type,
				   uint64_t offset, uint64_t size)
{
	uint8_t desc[PW_PAGE];
	size_t length = size < sizeof(desc) ? (size_t)size : sizeof(desc);
	bool is_core = !strcmp(owner, "CORE");
	if (is_core && type == NT_FILE)
		return read_file_note(core, offset, size);
	bool is_tls = !strcmp(owner, "LINUX") && type == NT_ARM_TLS &&
		      core->base.arch->tls_regset == NT_ARM_TLS;
	bool wanted = is_tls || (is_core && (type == NT_PRSTATUS || type == NT_PRPSINFO ||
					     type == NT_AUXV || type == NT_SIGINFO));
	if (!wanted || !core_get(core, offset, desc, length))
		return NULL;
	switch (type) {
	case NT_PRSTATUS:
		return parse_prstatus(core, desc, length);
	case NT_PRPSINFO:
		parse_prpsinfo(core, desc, length);
		return NULL;
	case NT_AUXV:
		parse_auxv(core, desc, length);
		return NULL;
	case NT_SIGINFO:
		parse_siginfo(core, desc, length);
		return NULL;
	default:
		/* It belongs to the NT_PRSTATUS before it. */
		if (length >= 8 && core->base.lwp_count)
			memcpy(&core->base.lwps[core->base.lwp_count - 1].regs.thread_pointer, desc,
			       8);
		return NULL;
	}
}

/* One note at *offset, of at most `left` bytes; *ret_size is how many it takes, 0: the last. */
static struct pw_error *next_note(struct pw_core *core, uint64_t offset, uint64_t left,
				  uint64_t *ret_size)
{
	Elf64_Nhdr header;
	char owner[8] = "";
	*ret_size = 0;
	if (left < sizeof(header) || !core_get(core, offset, &header, sizeof(header)))
		return NULL;
	uint64_t name_size = ((uint64_t)header.n_namesz + 3) & ~UINT64_C(3);
	uint64_t desc_size = ((uint64_t)header.n_descsz + 3) & ~UINT64_C(3);
	left -= sizeof(header);
	if (name_size > left) {
		core->notes_cut = true;
		return NULL;
	}
	/* The last description may go without its padding. */
	left -= name_size;
	uint64_t desc_have = header.n_descsz;
	if (desc_have > left) {
		core->notes_cut = true;
		desc_have = left;
	}
	if (header.n_namesz && header.n_namesz < sizeof(owner) &&
	    !core_get(core, offset + sizeof(header), owner, header.n_namesz))
		return NULL;
	if (desc_size <= left)
		*ret_size = sizeof(header) + name_size + desc_size;
	return parse_note(core, owner, header.n_type, offset + sizeof(header) + name_size,
			  desc_have);
}

struct pw_error *core_parse_notes(struct pw_core *core, uint64_t offset, uint64_t size)
{
	/* Seven a thread, on x86-64. */
	enum { NOTES_MAX = 1 << 24 };
	struct pw_error *error = NULL;
	if (offset >= core->size) {
		core->notes_cut |= size > 0;
		return NULL;
	}
	if (size > core->size - offset) {
		core->notes_cut = true;
		size = core->size - offset;
	}
	core->notes_read += size;
	if (core->notes_read > 2 * core->size)
		return NULL;
	for (uint64_t used = 1; !error && used && core->note_count < NOTES_MAX;
	     offset += used, size -= used, core->note_count++)
		error = next_note(core, offset, size, &used);
	return error;
}
