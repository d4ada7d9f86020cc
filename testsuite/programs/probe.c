/*
 * An extension module as a debugger sees it: a C function with pointers to Python objects, and what
 * else looks like them.  Called through ctypes.PyDLL; it waits in read().  The structures have
 * CPython's names and no more of their members than a debugger needs: one binary for all versions.
 */
#include <stdint.h>
#include <unistd.h>

typedef struct _object {
	intptr_t ob_refcnt;
	struct _typeobject *ob_type;
} PyObject;

typedef struct {
	PyObject ob_base;
	intptr_t ob_size;
} PyVarObject;

typedef struct _typeobject {
	PyVarObject ob_base;
	const char *tp_name;
} PyTypeObject;

typedef struct {
	PyVarObject ob_base;
	PyObject **ob_item;
} PyListObject;

/* The module's own kind of object; and what begins with something else. */
struct holder {
	PyObject ob_base;
	int own;
};
struct plain {
	int own;
	PyObject *object;
};
/* Never complete. */
typedef struct _never PyNeverObject;

typedef const PyObject *const constant;

int probe(PyObject *self, PyListObject *list, constant text, PyTypeObject *type,
	  struct holder *mine, PyObject *null, PyObject *garbage, PyObject *unreadable, int fd)
{
	struct plain plain = {fd, self};
	struct plain *other = &plain;
	PyNeverObject *never = (PyNeverObject *)self;
	PyObject **array = &plain.object;
	char byte;
	while (read(fd, &byte, 1) < 0)
		;
	return list && text && type && mine && !null && garbage && unreadable && other && never &&
	       array;
}
