/* Instead of ebpf.c, where what it is built with was not found; mk/ebpf.mk. */
#include "sample/ebpf.h"

#include "pywalk_sample.h"

bool pw_sampler_has_ebpf(void)
{
	return false;
}

struct pw_error *pw_ebpf_open(double rate, bool native, struct pw_ebpf **ret)
{
	return pw_error_create(PW_ERROR_UNSUPPORTED,
			       "the engine ebpf was not built in: when pywalk was built there was "
			       "no clang, bpftool or libbpf");
}

/* Nobody has one. */
struct pw_error *pw_ebpf_add(struct pw_ebpf *ebpf, struct pw_session *session)
{
	return NULL;
}

void pw_ebpf_remove(struct pw_ebpf *ebpf, pid_t pid)
{
}

struct pw_error *pw_ebpf_drain(struct pw_ebpf *ebpf,
			       void (*got)(void *data, const struct pw_moment *moment), void *data)
{
	return NULL;
}

struct pw_ebpf_counts pw_ebpf_count(const struct pw_ebpf *ebpf)
{
	return (struct pw_ebpf_counts){0};
}

uint64_t pw_ebpf_lost(const struct pw_ebpf *ebpf)
{
	return 0;
}

void pw_ebpf_close(struct pw_ebpf *ebpf)
{
}
