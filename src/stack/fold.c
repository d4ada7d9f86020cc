/*
 * Names read from CPython 2.7 to 3.15: Objects/call.c, descrobject.c, methodobject.c, typeobject.c,
 * classobject.c, Python/ceval.c, pythonrun.c, Modules/main.c, _threadmodule.c,
 * Python/thread_pthread.h; of glibc and musl: csu/libc-start.c, nptl/pthread_create.c, clone.S.
 */
#include "stack/fold.h"

#include <stdlib.h>
#include <string.h>

/* Functions of the interpreter whose name begins so. */
static const char *const prefixes[] = {
	"PyEval_",
	"_PyEval_",
	"PyObject_Call",
	"_PyObject_Call",
	"PyObject_Vectorcall",
	"_PyObject_Vectorcall",
	"_PyObject_FastCall",
	"_PyObject_MakeTpCall",
	"PyVectorcall_",
	"_PyVectorcall_",
	"_PyFunction_",
	"PyCFunction_",
	"_PyCFunction_",
	"PyFunction_",
	"_PyMethodDef_",
	"_PyMethodDescr_",
	"_PyMethod_",
	"PyMethod_",
	"cfunction_",
	"method_vectorcall",
	"vectorcall_",
	"_TAIL_CALL_",
	"_Py_HandlePending",
	"PyRun_",
	"_PyRun_",
	"pyrun_",
	"pymain_",
	"Py_RunMain",
	"Py_BytesMain",
	"Py_Main",
	"_Py_UnixMain",
	"object_vacall",
	"slot_tp_",
	"slot_",
	"_PyStack_",
	"_PyJIT",
	"_Py_JIT",
};

/* Functions of the interpreter with exactly this name. */
static const char *const names[] = {
	"function_call",
	"function_code_fastcall",
	"fast_function",
	"call_function",
	"do_call",
	"ext_do_call",
	"do_call_core",
	"do_call_func",
	"trace_call_function",
	"type_call",
	"type_vectorcall",
	"instancemethod_call",
	"instance_call",
	"method_call",
	"wrapper_call",
	"wrapperdescr_call",
	"methoddescr_call",
	"wrapper_vectorcall",
	"wrapperdescr_raw_call",
	"classmethoddescr_call",
	"property_descr_get",
	"run_mod",
	"run_eval_code_obj",
	"run_file",
	"run_pyc_file",
	"run_node",
	"t_bootstrap",
	"thread_run",
	"pythread_wrapper",
	"bootstrap",
	"main",
	"gen_send_ex",
	"gen_send_ex2",
	"gen_iternext",
	"call_method",
	"call_attribute",
	"builtin_exec",
	"builtin_exec_impl",
	"builtin_eval",
	"vgetargskeywords",
	"call_unbound_noarg",
	"lookup_maybe_method",
	"import_find_and_load",
	"PyImport_ImportModuleLevelObject",
	"builtin___import__",
	"PyCell_Get",
};

/* Of the C library: how threads and programs begin. */
static const char *const starts[] = {
	"_start",
	"__libc_start_main",
	"__libc_start_call_main",
	"__libc_start_main_impl",
	"start_thread",
	"clone",
	"clone3",
	"__clone",
	"__clone3",
	"__clone_internal",
	"start",
	"_start_c",
	"libc_start_main_stage2",
};

static bool is_one_of(const char *const *list, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

/* "name.part.0", "name.cold", "name.lto_priv.3" are `name`. */
static bool is_machinery(const char *symbol)
{
	char plain[128];
	size_t length = strcspn(symbol, ".");
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(symbol, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	if (length >= sizeof(plain))
		return false;
	memcpy(plain, symbol, length);
	plain[length] = '\0';
	return is_one_of(names, sizeof(names) / sizeof(names[0]), plain);
}

static bool folds(const struct pw_session *session, uint64_t pc, const char *symbol)
{
	if (symbol && is_one_of(starts, sizeof(starts) / sizeof(starts[0]), symbol))
		return true;
	const struct pw_module *module = pw_modules_find(session->modules, pc);
	const struct pw_module *interpreter =
		pw_modules_find(session->modules, session->python.eval);
	bool program = session->python.id.module && module == session->python.id.module;
	if (!module || (module != interpreter && !program))
		return symbol && strcmp(symbol, "main") == 0 && module &&
		       session->target->executable &&
		       strcmp(module->path, session->target->executable) == 0 &&
		       strstr(module->path, "/python") != NULL;
	return !symbol || is_machinery(symbol);
}

/* What was said of symbols before. */
struct pw_fold_memo {
	const char *symbols[512];
	bool folds[512];
};

bool pw_folds(struct pw_session *session, uint64_t pc, const char *symbol)
{
	enum { SLOTS = 512 };
	if (!session->fold_memo)
		session->fold_memo = calloc(1, sizeof(*session->fold_memo));
	struct pw_fold_memo *memo = session->fold_memo;
	if (!symbol || !memo)
		return folds(session, pc, symbol);
	size_t slot = ((uintptr_t)symbol * UINT64_C(0x9e3779b97f4a7c15)) >> 32 & (SLOTS - 1);
	if (memo->symbols[slot] != symbol) {
		memo->symbols[slot] = symbol;
		memo->folds[slot] = folds(session, pc, symbol);
	}
	return memo->folds[slot];
}

bool pw_session_folds(const struct pw_session *session, uint64_t pc, const char *symbol)
{
	return folds(session, pc, symbol);
}
