/*
 * Where the entries of dictionaries and the attributes of instances stand, for those who look at
 * them one by one.  Nothing here looks at a hash: a broken table is read like any other.
 */
#ifndef PW_PYTHON_DICT_H
#define PW_PYTHON_DICT_H

#include "python/object.h"

struct pw_dict_table {
	uint64_t entries, places, stride;
	uint64_t count;		   /* of places to look at, some of them empty */
	uint64_t key_at, value_at; /* within an entry */
	uint64_t values; /* of a split table: the array of values by place; 0: in the entries */
	uint64_t order;	 /* of a split table: bytes with places in order of insertion; 0: none */
	int order_step;	 /* 1 or -1: from one of these bytes to the next */
};

/* An empty place has no key or no value. */
struct pw_error *pw_dict_open(struct pw_python *python, uint64_t dict, struct pw_dict_table *ret);
/* The entry that is the i-th in order; 0 where the place is empty. */
struct pw_error *pw_dict_entry(struct pw_python *python, const struct pw_dict_table *t, uint64_t i,
			       uint64_t *ret_key, uint64_t *ret_value);
/* How many entries it has. */
struct pw_error *pw_dict_used(struct pw_python *python, uint64_t dict, uint64_t *ret);
/* Where an instance keeps its attributes: *ret_dict, or when that is 0 ret_table, which is empty
 * (count 0) when there are none either. */
struct pw_error *pw_object_own(struct pw_python *python, uint64_t object, uint64_t *ret_dict,
			       struct pw_dict_table *ret_table);

#endif
