#define PW_SAMPLE_EBPF_LIBRARY_ITSELF
#include "sample/ebpf_library.h"

#include <dlfcn.h>
#include <pthread.h>

struct pw_ebpf_library pw_ebpf_library;

static const char soname[] = "libbpf.so.1";
static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *missing; /* NULL: it is all there */

static void *find(void *handle, const char *name)
{
	void *found = dlsym(handle, name);
	if (!found)
		missing = name;
	return found;
}

static void load(void)
{
	void *handle = dlopen(soname, RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		missing = soname;
		return;
	}
#define PW_EBPF_FIND(name) pw_ebpf_library.name = (__typeof__(&name))find(handle, #name);
	PW_EBPF_LIBRARY(PW_EBPF_FIND)
#undef PW_EBPF_FIND
}

struct pw_error *pw_ebpf_library_load(void)
{
	pthread_once(&once, load);
	if (!missing)
		return NULL;
	return pw_error_create(PW_ERROR_UNSUPPORTED,
			       "the engine ebpf needs %s, which %s (libbpf 1.0 or newer was "
			       "expected)",
			       soname, missing == soname ? "is not installed" : "lacks a function");
}
