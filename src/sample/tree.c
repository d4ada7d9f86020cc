/* The tree of a profile: each function below the one that called it. */
#include "sample/report.h"

#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* Frames of one subject below one branch. */
struct branch {
	uint64_t key; /* of both that follow */
	uint32_t parent, subject;
	uint32_t index, level;
	struct pw_report_cost self, total;
	uint32_t *children; /* those that are kept, the largest first */
	size_t child_count;
	UT_hash_handle hh;
};

struct tree {
	struct branch **branches; /* by index; [0] is the root */
	size_t count;
	struct branch *keys;
};

static uint64_t key_of(uint32_t parent, uint32_t subject)
{
	return (uint64_t)parent << 32 | subject;
}

static struct pw_error *add_branch(struct tree *tree, uint32_t parent, uint32_t subject,
				   uint32_t *ret)
{
	struct branch *b = calloc(1, sizeof(*b));
	if (!b)
		return &pw_error_nomem;
	b->key = key_of(parent, subject);
	b->parent = parent;
	b->subject = subject;
	b->index = (uint32_t)tree->count;
	b->level = tree->count && parent ? tree->branches[parent]->level + 1 : 0;
	if (tree->count) {
		HASH_ADD(hh, tree->keys, key, sizeof(b->key), b);
		if (!b->hh.tbl) {
			free(b);
			return &pw_error_nomem;
		}
	}
	*ret = b->index;
	tree->branches[tree->count++] = b;
	return NULL;
}

/* Branches are never more than nodes, and have their order: each comes after its parent. */
static struct pw_error *grow(struct tree *tree, const struct pw_costs *costs)
{
	size_t nodes = pw_profile_node_count(costs->profile);
	uint32_t *of_node = calloc(nodes, sizeof(*of_node));
	tree->branches = calloc(nodes + 1, sizeof(struct branch *));
	struct pw_error *error = of_node && tree->branches ? NULL : &pw_error_nomem;
	if (!error)
		error = add_branch(tree, 0, 0, &of_node[0]);
	for (size_t i = 1; !error && i < nodes; i++) {
		struct branch *found;
		uint32_t parent = of_node[pw_profile_node(costs->profile, i)->parent];
		uint64_t key = key_of(parent, costs->of_node[i]);
		HASH_FIND(hh, tree->keys, &key, sizeof(key), found);
		if (found)
			of_node[i] = found->index;
		else
			error = add_branch(tree, parent, costs->of_node[i], &of_node[i]);
	}
	for (size_t i = 0; !error && i < nodes; i++) {
		pw_report_cost_add(&tree->branches[of_node[i]]->self, costs->node_self[i]);
		pw_report_cost_add(&tree->branches[of_node[i]]->total, costs->node_self[i]);
	}
	for (size_t i = tree->count; !error && i-- > 1;)
		pw_report_cost_add(&tree->branches[tree->branches[i]->parent]->total,
				   tree->branches[i]->total);
	free(of_node);
	return error;
}

/* The largest first; of equal ones the parent, which has the smaller number. */
static int compare_branches(const void *a, const void *b)
{
	const struct branch *x = *(struct branch *const *)a, *y = *(struct branch *const *)b;
	int order = pw_report_cost_compare(x->total, y->total);
	return order ? order : x->index < y->index ? -1 : x->index > y->index;
}

/*
 * Keeps the largest branches, as many as limit and threshold allow.  None is larger than its
 * parent, so that what is kept is a tree.  Each is noted by its parent, in that order.
 */
static struct pw_error *prune(struct pw_report *report, struct tree *tree)
{
	size_t count = tree->count - 1, kept = 0;
	struct branch **sorted = calloc(count + 1, sizeof(struct branch *));
	struct pw_error *error = sorted ? NULL : &pw_error_nomem;
	for (size_t i = 0; sorted && i < count; i++)
		sorted[i] = tree->branches[i + 1];
	if (sorted)
		qsort(sorted, count, sizeof(struct branch *), compare_branches);
	while (!error && kept < count && sorted[kept]->total.samples &&
	       (!report->options.limit || kept < report->options.limit) &&
	       pw_report_share(sorted[kept]->total, report->total) * 100 >=
		       report->options.threshold) {
		struct branch *parent = tree->branches[sorted[kept]->parent];
		uint32_t *children =
			realloc(parent->children, (parent->child_count + 1) * sizeof(*children));
		if (!children) {
			error = &pw_error_nomem;
			break;
		}
		children[parent->child_count++] = sorted[kept++]->index;
		parent->children = children;
	}
	for (size_t i = kept; !error && i < count; i++)
		report->left_out += sorted[i]->total.samples > 0;
	free(sorted);
	return error;
}

static struct pw_error *add_row(struct pw_report *report, const struct pw_costs *costs,
				const struct branch *branch)
{
	struct pw_report_row row = costs->subjects[branch->subject];
	row.level = branch->level;
	row.self = branch->self;
	row.total = branch->total;
	return pw_report_add(report, &row);
}

/* Depth first, without recursion: stacks are deep.  `next` has, by branch, its next child. */
static struct pw_error *list(struct pw_report *report, const struct pw_costs *costs,
			     struct tree *tree)
{
	uint32_t at = 0;
	struct pw_error *error = NULL;
	size_t *next = calloc(tree->count, sizeof(*next));
	if (!next)
		return &pw_error_nomem;
	/* What has no stack stands at the top, with nothing below. */
	if (tree->branches[0]->self.samples) {
		struct branch none = {.self = tree->branches[0]->self,
				      .total = tree->branches[0]->self};
		error = add_row(report, costs, &none);
	}
	while (!error) {
		struct branch *branch = tree->branches[at];
		if (next[at] < branch->child_count) {
			at = branch->children[next[at]++];
			error = add_row(report, costs, tree->branches[at]);
		} else if (at) {
			at = branch->parent;
		} else {
			break;
		}
	}
	free(next);
	return error;
}

struct pw_error *pw_report_add_tree(struct pw_report *report, const struct pw_costs *costs)
{
	struct tree tree = {0};
	struct pw_error *error = grow(&tree, costs);
	if (!error)
		error = prune(report, &tree);
	if (!error)
		error = list(report, costs, &tree);
	HASH_CLEAR(hh, tree.keys);
	for (size_t i = 0; i < tree.count; i++) {
		free(tree.branches[i]->children);
		free(tree.branches[i]);
	}
	free(tree.branches);
	return error;
}
