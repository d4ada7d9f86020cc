/*
 * A shared library for subinterp.py: makes a new interpreter on the calling thread and runs code in
 * it. Called through ctypes.PyDLL, that is with the GIL held.  Needs no headers of CPython, hence
 * one binary for all versions: Py_NewInterpreter (Include/pylifecycle.h), PyRun_SimpleString
 * (Include/pythonrun.h).
 */
#include <dlfcn.h>
#include <stddef.h>

int run_in_new_interpreter(const char *code)
{
	void *(*create)(void) = dlsym(RTLD_DEFAULT, "Py_NewInterpreter");
	int (*run)(const char *) = dlsym(RTLD_DEFAULT, "PyRun_SimpleString");
	int (*run_flags)(const char *, void *) = dlsym(RTLD_DEFAULT, "PyRun_SimpleStringFlags");

	if (!create || !create())
		return -2;
	return run_flags ? run_flags(code, NULL) : run ? run(code) : -3;
}
