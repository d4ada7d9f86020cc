/*
 * libbpf, loaded when the engine ebpf is opened: whoever does not sample needs neither its time nor
 * the file.  Behind this header its functions are called by their own names.
 */
#ifndef PW_SAMPLE_EBPF_LIBRARY_H
#define PW_SAMPLE_EBPF_LIBRARY_H

#include "base/error.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

/* Those that ebpf.c and the skeleton call. */
#define PW_EBPF_LIBRARY(X)                                                                         \
	X(bpf_link__destroy)                                                                       \
	X(bpf_map__fd)                                                                             \
	X(bpf_map__set_max_entries)                                                                \
	X(bpf_map_delete_elem)                                                                     \
	X(bpf_map_get_next_key)                                                                    \
	X(bpf_map_lookup_elem)                                                                     \
	X(bpf_map_update_elem)                                                                     \
	X(bpf_obj_get_info_by_fd)                                                                  \
	X(bpf_object__attach_skeleton)                                                             \
	X(bpf_object__destroy_skeleton)                                                            \
	X(bpf_object__detach_skeleton)                                                             \
	X(bpf_object__load_skeleton)                                                               \
	X(bpf_object__open_skeleton)                                                               \
	X(bpf_program__attach)                                                                     \
	X(bpf_program__fd)                                                                         \
	X(libbpf_num_possible_cpus)                                                                \
	X(libbpf_set_print)                                                                        \
	X(ring_buffer__consume)                                                                    \
	X(ring_buffer__free)                                                                       \
	X(ring_buffer__new)

struct pw_ebpf_library {
#define PW_EBPF_MEMBER(name) __typeof__(&name) name;
	PW_EBPF_LIBRARY(PW_EBPF_MEMBER)
#undef PW_EBPF_MEMBER
};

extern struct pw_ebpf_library pw_ebpf_library;

/* Loads it, once.  UNSUPPORTED: it is not there, or lacks something. */
struct pw_error *pw_ebpf_library_load(void);

#ifndef PW_SAMPLE_EBPF_LIBRARY_ITSELF
#define bpf_link__destroy	     pw_ebpf_library.bpf_link__destroy
#define bpf_map__fd		     pw_ebpf_library.bpf_map__fd
#define bpf_map__set_max_entries     pw_ebpf_library.bpf_map__set_max_entries
#define bpf_map_delete_elem	     pw_ebpf_library.bpf_map_delete_elem
#define bpf_map_get_next_key	     pw_ebpf_library.bpf_map_get_next_key
#define bpf_map_lookup_elem	     pw_ebpf_library.bpf_map_lookup_elem
#define bpf_map_update_elem	     pw_ebpf_library.bpf_map_update_elem
#define bpf_obj_get_info_by_fd	     pw_ebpf_library.bpf_obj_get_info_by_fd
#define bpf_object__attach_skeleton  pw_ebpf_library.bpf_object__attach_skeleton
#define bpf_object__destroy_skeleton pw_ebpf_library.bpf_object__destroy_skeleton
#define bpf_object__detach_skeleton  pw_ebpf_library.bpf_object__detach_skeleton
#define bpf_object__load_skeleton    pw_ebpf_library.bpf_object__load_skeleton
#define bpf_object__open_skeleton    pw_ebpf_library.bpf_object__open_skeleton
#define bpf_program__attach	     pw_ebpf_library.bpf_program__attach
#define bpf_program__fd		     pw_ebpf_library.bpf_program__fd
#define libbpf_num_possible_cpus     pw_ebpf_library.libbpf_num_possible_cpus
#define libbpf_set_print	     pw_ebpf_library.libbpf_set_print
#define ring_buffer__consume	     pw_ebpf_library.ring_buffer__consume
#define ring_buffer__free	     pw_ebpf_library.ring_buffer__free
#define ring_buffer__new	     pw_ebpf_library.ring_buffer__new
#endif

#endif
