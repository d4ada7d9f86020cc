/*
 * Every place in CPython's structures that pywalk reads: the one list behind layout.h, the files in
 * offsets/ and the program that makes them.
 *
 *	PW_FIELD(name, types, paths, debug_name)
 *
 * name:	member of struct pw_layout, and the word in a .def file
 * types:	structure tags or typedefs, alternatives separated by '|'
 * paths:	member paths (binary/dwarf_types.h), alternatives separated by '|'; "" is the size
 * debug_name:	its "GROUP.MEMBER" in _Py_DebugOffsets (3.13: pycore_runtime.h, then
 *		pycore_debug_offsets.h); NULL: it is not there
 *
 *	PW_ENUMERATOR(name, enumerator)
 *
 * A field that a version lacks is absent (offset -1): which fields exist tells versions apart.
 * Include with both macros defined; they are undefined at the end.
 */

/* _PyRuntimeState (3.7+): Include/internal/pycore_runtime.h, 3.14+: pycore_runtime_structs.h */
PW_FIELD(runtime_interpreters_head, "pyruntimestate|_PyRuntimeState", "interpreters.head",
	 "runtime_state.interpreters_head")
PW_FIELD(runtime_interpreters_main, "pyruntimestate|_PyRuntimeState", "interpreters.main", NULL)
PW_FIELD(runtime_gil_locked, "pyruntimestate|_PyRuntimeState", "ceval.gil.locked",
	 NULL) /* 3.7-3.11 */
PW_FIELD(runtime_gil_holder, "pyruntimestate|_PyRuntimeState", "ceval.gil.last_holder",
	 NULL) /* 3.7-3.11 */

/* PyInterpreterState: 2.7-3.7 Include/pystate.h, then internal/pycore_pystate.h, pycore_interp.h */
PW_FIELD(interp_next, "_is|PyInterpreterState", "next", "interpreter_state.next")
PW_FIELD(interp_id, "_is|PyInterpreterState", "id", "interpreter_state.id")
PW_FIELD(interp_threads_head, "_is|PyInterpreterState", "tstate_head|threads.head",
	 "interpreter_state.threads_head")
PW_FIELD(interp_threads_main, "_is|PyInterpreterState", "threads.main",
	 "interpreter_state.threads_main")
PW_FIELD(interp_optimizer, "_is|PyInterpreterState", "optimizer", NULL) /* 3.13 */
PW_FIELD(interp_jit, "_is|PyInterpreterState", "jit", NULL)		/* 3.14+ */
PW_FIELD(interp_modules, "_is|PyInterpreterState", "modules|imports.modules",
	 "interpreter_state.imports_modules")
PW_FIELD(interp_gil, "_is|PyInterpreterState", "ceval.gil",
	 "interpreter_state.ceval_gil") /* 3.12+ */

/* struct _gil_runtime_state (3.12+ is reached by a pointer): Include/internal/pycore_gil.h */
PW_FIELD(gil_locked, "_gil_runtime_state", "locked", NULL)
PW_FIELD(gil_holder, "_gil_runtime_state", "last_holder", NULL)
PW_FIELD(gil_enabled, "_gil_runtime_state", "enabled", NULL) /* free-threaded builds */

/* PyThreadState: Include/pystate.h, 3.8+ cpython/pystate.h */
PW_FIELD(tstate_next, "_ts|PyThreadState", "next", "thread_state.next")
PW_FIELD(tstate_interp, "_ts|PyThreadState", "interp", "thread_state.interp")
PW_FIELD(tstate_frame, "_ts|PyThreadState", "frame", NULL)	       /* -3.10 */
PW_FIELD(tstate_cframe, "_ts|PyThreadState", "cframe", NULL)	       /* 3.10-3.12 */
PW_FIELD(tstate_root_cframe, "_ts|PyThreadState", "root_cframe", NULL) /* 3.10-3.12 */
PW_FIELD(tstate_current_frame, "_ts|PyThreadState", "current_frame",
	 "thread_state.current_frame") /* 3.13+ */
PW_FIELD(tstate_thread_id, "_ts|PyThreadState", "thread_id", "thread_state.thread_id")
PW_FIELD(tstate_native_thread_id, "_ts|PyThreadState", "native_thread_id",
	 "thread_state.native_thread_id")			 /* 3.11+ */
PW_FIELD(tstate_exc_info, "_ts|PyThreadState", "exc_info", NULL) /* 3.7+ */
PW_FIELD(tstate_datastack_chunk, "_ts|PyThreadState", "datastack_chunk",
	 "thread_state.datastack_chunk")					 /* 3.11+ */
PW_FIELD(tstate_datastack_top, "_ts|PyThreadState", "datastack_top", NULL)	 /* 3.11+ */
PW_FIELD(tstate_datastack_limit, "_ts|PyThreadState", "datastack_limit", NULL)	 /* 3.11+ */
PW_FIELD(tstate_depth_left, "_ts|PyThreadState", "py_recursion_remaining", NULL) /* 3.12+ */
PW_FIELD(tstate_depth_limit, "_ts|PyThreadState", "py_recursion_limit", NULL)	 /* 3.12+ */
PW_FIELD(tstate_sizeof, "_ts|PyThreadState", "", "thread_state.size")

/* Exceptions of a thread.  Being raised: Python/errors.c; being handled: sys.exc_info(), the stack
 * item of each generator and of the thread itself, Include/cpython/pystate.h _PyErr_StackItem. */
PW_FIELD(tstate_raised_type, "_ts|PyThreadState", "curexc_type", NULL)		 /* -3.11 */
PW_FIELD(tstate_raised_value, "_ts|PyThreadState", "curexc_value", NULL)	 /* -3.11 */
PW_FIELD(tstate_raised_traceback, "_ts|PyThreadState", "curexc_traceback", NULL) /* -3.11 */
PW_FIELD(tstate_raised, "_ts|PyThreadState", "current_exception",
	 "thread_state.current_exception")				       /* 3.12+ */
PW_FIELD(tstate_handled_type, "_ts|PyThreadState", "exc_type", NULL)	       /* -3.6 */
PW_FIELD(tstate_handled_value, "_ts|PyThreadState", "exc_value", NULL)	       /* -3.6 */
PW_FIELD(tstate_handled_traceback, "_ts|PyThreadState", "exc_traceback", NULL) /* -3.6 */
PW_FIELD(excitem_type, "_err_stackitem|_PyErr_StackItem", "exc_type", NULL)    /* 3.7-3.10 */
PW_FIELD(excitem_value, "_err_stackitem|_PyErr_StackItem", "exc_value",
	 "err_stackitem.exc_value")						      /* 3.7+ */
PW_FIELD(excitem_traceback, "_err_stackitem|_PyErr_StackItem", "exc_traceback", NULL) /* 3.7-3.10 */

/* _PyCFrame (3.10: CFrame): on the C stack of each evaluation, 3.10-3.12, cpython/pystate.h */
PW_FIELD(cframe_previous, "_PyCFrame|_cframe|CFrame", "previous", NULL)
PW_FIELD(cframe_use_tracing, "_PyCFrame|_cframe|CFrame", "use_tracing", NULL)	  /* 3.10, 3.11 */
PW_FIELD(cframe_current_frame, "_PyCFrame|_cframe|CFrame", "current_frame", NULL) /* 3.11+ */

/* The data stack, on which a thread's frames stand, 3.11+; what handles exceptions, a generator's
 * or the thread's: cpython/pystate.h */
PW_FIELD(chunk_previous, "_PyStackChunk|_stack_chunk", "previous", NULL)
PW_FIELD(chunk_size, "_PyStackChunk|_stack_chunk", "size", NULL)
PW_FIELD(chunk_top, "_PyStackChunk|_stack_chunk", "top", NULL)
PW_FIELD(chunk_data, "_PyStackChunk|_stack_chunk", "data", NULL)
PW_FIELD(exc_previous, "_PyErr_StackItem|_err_stackitem", "previous_item", NULL) /* 3.7+ */

/* PyFrameObject as the thing that runs, -3.10: Include/frameobject.h, cpython/frameobject.h */
PW_FIELD(frame_back, "_frame|PyFrameObject", "f_back", NULL)
PW_FIELD(frame_code, "_frame|PyFrameObject", "f_code", NULL)
PW_FIELD(frame_lasti, "_frame|PyFrameObject", "f_lasti", NULL)
/* ... and as what is handed out of the frame that runs, 3.11+: internal/pycore_frame.h */
PW_FIELD(frame_iframe, "_frame|PyFrameObject", "f_frame", NULL)

/* _PyInterpreterFrame, 3.11+: Include/internal/pycore_frame.h, 3.14+ pycore_interpframe_structs.h
 */
PW_FIELD(iframe_previous, "_PyInterpreterFrame", "previous", "interpreter_frame.previous")
PW_FIELD(iframe_code, "_PyInterpreterFrame", "f_code|f_executable", "interpreter_frame.executable")
PW_FIELD(iframe_prev_instr, "_PyInterpreterFrame", "prev_instr", NULL) /* 3.11, 3.12: last run */
PW_FIELD(iframe_instr_ptr, "_PyInterpreterFrame", "instr_ptr",
	 "interpreter_frame.instr_ptr") /* 3.13+: now running */
PW_FIELD(iframe_owner, "_PyInterpreterFrame", "owner", "interpreter_frame.owner")
PW_FIELD(iframe_is_entry, "_PyInterpreterFrame", "is_entry", NULL) /* 3.11 */
PW_FIELD(iframe_tlbc_index, "_PyInterpreterFrame", "tlbc_index",
	 "interpreter_frame.tlbc_index") /* 3.14+ free-threaded */
PW_FIELD(iframe_sizeof, "_PyInterpreterFrame", "", "interpreter_frame.size")
PW_FIELD(iframe_function, "_PyInterpreterFrame", "f_func|f_funcobj", NULL)
PW_FIELD(iframe_object, "_PyInterpreterFrame", "frame_obj", NULL)
PW_FIELD(iframe_stacktop, "_PyInterpreterFrame", "stacktop", NULL) /* 3.11-3.13 */
PW_FIELD(iframe_stackpointer, "_PyInterpreterFrame", "stackpointer",
	 "interpreter_frame.stackpointer") /* 3.14+ */

/* PyCodeObject: Include/code.h, cpython/code.h */
PW_FIELD(code_name, "PyCodeObject", "co_name", "code_object.name")
PW_FIELD(code_qualname, "PyCodeObject", "co_qualname", "code_object.qualname") /* 3.11+ */
PW_FIELD(code_filename, "PyCodeObject", "co_filename", "code_object.filename")
PW_FIELD(code_firstlineno, "PyCodeObject", "co_firstlineno", "code_object.firstlineno")
PW_FIELD(code_lnotab, "PyCodeObject", "co_lnotab", NULL)			  /* -3.9 */
PW_FIELD(code_linetable, "PyCodeObject", "co_linetable", "code_object.linetable") /* 3.10+ */
PW_FIELD(code_exceptiontable, "PyCodeObject", "co_exceptiontable", NULL)	  /* 3.11+ */
PW_FIELD(code_code, "PyCodeObject", "co_code", NULL)				  /* -3.10 */
PW_FIELD(code_adaptive, "PyCodeObject", "co_code_adaptive",
	 "code_object.co_code_adaptive")				  /* 3.11+ */
PW_FIELD(code_firsttraceable, "PyCodeObject", "_co_firsttraceable", NULL) /* 3.11+ */
PW_FIELD(code_consts, "PyCodeObject", "co_consts", NULL)
PW_FIELD(code_tlbc, "PyCodeObject", "co_tlbc", "code_object.co_tlbc") /* 3.14+ free-threaded */

/* What variables of a frame need: the code object's tables and the frame's slots. */
PW_FIELD(code_argcount, "PyCodeObject", "co_argcount", "code_object.argcount")
PW_FIELD(code_kwonly, "PyCodeObject", "co_kwonlyargcount", NULL) /* 3.x */
PW_FIELD(code_flags, "PyCodeObject", "co_flags", NULL)
PW_FIELD(code_nlocals, "PyCodeObject", "co_nlocals", NULL)
PW_FIELD(code_nlocalsplus, "PyCodeObject", "co_nlocalsplus", NULL) /* 3.11+ */
PW_FIELD(code_stacksize, "PyCodeObject", "co_stacksize", NULL)
PW_FIELD(code_framesize, "PyCodeObject", "co_framesize", NULL) /* 3.12+ */
PW_FIELD(code_varnames, "PyCodeObject", "co_varnames", NULL)   /* -3.10 */
PW_FIELD(code_cellvars, "PyCodeObject", "co_cellvars", NULL)   /* -3.10 */
PW_FIELD(code_freevars, "PyCodeObject", "co_freevars", NULL)   /* -3.10 */
PW_FIELD(code_localsplusnames, "PyCodeObject", "co_localsplusnames",
	 "code_object.localsplusnames") /* 3.11+ */
PW_FIELD(code_localspluskinds, "PyCodeObject", "co_localspluskinds",
	 "code_object.localspluskinds")					 /* 3.11+ */
PW_FIELD(frame_locals, "_frame|PyFrameObject", "f_locals", NULL)	 /* -3.10 */
PW_FIELD(frame_globals, "_frame|PyFrameObject", "f_globals", NULL)	 /* -3.10 */
PW_FIELD(frame_builtins, "_frame|PyFrameObject", "f_builtins", NULL)	 /* -3.10 */
PW_FIELD(frame_localsplus, "_frame|PyFrameObject", "f_localsplus", NULL) /* -3.10 */
PW_FIELD(iframe_locals, "_PyInterpreterFrame", "f_locals", NULL)	 /* 3.11+ */
PW_FIELD(iframe_globals, "_PyInterpreterFrame", "f_globals", NULL)	 /* 3.11+ */
PW_FIELD(iframe_builtins, "_PyInterpreterFrame", "f_builtins", NULL)	 /* 3.11+ */
PW_FIELD(iframe_localsplus, "_PyInterpreterFrame", "localsplus",
	 "interpreter_frame.localsplus") /* 3.11+ */

/* Objects: Include/object.h, cpython/object.h */
PW_FIELD(object_type, "_object|PyObject", "ob_type", "pyobject.ob_type")
PW_FIELD(object_sizeof, "_object|PyObject", "", "pyobject.size")
PW_FIELD(object_refcnt, "_object|PyObject", "ob_refcnt", NULL)
PW_FIELD(object_ref_local, "_object|PyObject", "ob_ref_local", NULL)   /* free-threaded builds */
PW_FIELD(object_ref_shared, "_object|PyObject", "ob_ref_shared", NULL) /* free-threaded builds */
PW_FIELD(var_size, "PyVarObject", "ob_size", NULL)
PW_FIELD(type_name, "_typeobject|PyTypeObject", "tp_name", "type_object.tp_name")
PW_FIELD(type_basicsize, "_typeobject|PyTypeObject", "tp_basicsize", NULL)
PW_FIELD(type_itemsize, "_typeobject|PyTypeObject", "tp_itemsize", NULL)
PW_FIELD(type_flags, "_typeobject|PyTypeObject", "tp_flags", "type_object.tp_flags")
PW_FIELD(type_dictoffset, "_typeobject|PyTypeObject", "tp_dictoffset", NULL)
PW_FIELD(type_dict, "_typeobject|PyTypeObject", "tp_dict", NULL)
PW_FIELD(type_mro, "_typeobject|PyTypeObject", "tp_mro", NULL)
PW_FIELD(type_base, "_typeobject|PyTypeObject", "tp_base", NULL)
PW_FIELD(type_repr, "_typeobject|PyTypeObject", "tp_repr", "type_object.tp_repr")
PW_FIELD(type_members, "_typeobject|PyTypeObject", "tp_members", NULL)
PW_FIELD(heaptype_name, "_heaptypeobject|PyHeapTypeObject", "ht_name", NULL)
PW_FIELD(heaptype_qualname, "_heaptypeobject|PyHeapTypeObject", "ht_qualname", NULL) /* 3.3+ */
/* Include/structmember.h, 3.12+ descrobject.h */
PW_FIELD(member_name, "PyMemberDef", "name", NULL)
PW_FIELD(member_type, "PyMemberDef", "type", NULL)
PW_FIELD(member_offset, "PyMemberDef", "offset", NULL)
PW_FIELD(member_sizeof, "PyMemberDef", "", NULL)
PW_FIELD(heaptype_cached_keys, "_heaptypeobject|PyHeapTypeObject", "ht_cached_keys",
	 NULL) /* 3.3+ */

/* Strings: Include/unicodeobject.h, cpython/unicodeobject.h (PEP 393, 3.3+) */
PW_FIELD(unicode_length, "PyASCIIObject", "length", "unicode_object.length")
PW_FIELD(unicode_kind, "PyASCIIObject", "state.kind", NULL)	  /* bit field */
PW_FIELD(unicode_compact, "PyASCIIObject", "state.compact", NULL) /* bit field */
PW_FIELD(unicode_ascii, "PyASCIIObject", "state.ascii", NULL)	  /* bit field */
PW_FIELD(unicode_ascii_data, "PyASCIIObject", "", "unicode_object.asciiobject_size")
PW_FIELD(unicode_compact_data, "PyCompactUnicodeObject", "", NULL)
PW_FIELD(unicode_legacy_data, "PyUnicodeObject", "data", NULL)
PW_FIELD(unicode_ready, "PyASCIIObject", "state.ready", NULL)		     /* bit field, -3.11 */
PW_FIELD(unicode_wstr, "PyASCIIObject", "wstr", NULL)			     /* -3.11 */
PW_FIELD(unicode_wstr_length, "PyCompactUnicodeObject", "wstr_length", NULL) /* -3.11 */
/* CPython 2.7: Include/unicodeobject.h */
PW_FIELD(unicode2_length, "PyUnicodeObject", "length", NULL)
PW_FIELD(unicode2_str, "PyUnicodeObject", "str", NULL)
/* Include/bytesobject.h; 2.7: stringobject.h */
PW_FIELD(bytes_data, "PyBytesObject|PyStringObject", "ob_sval", "bytes_object.ob_sval")

/* int: Include/longintrepr.h, 3.12+ cpython/longintrepr.h; 2.7's int: intobject.h */
PW_FIELD(long_digits, "_longobject|PyLongObject", "ob_digit|long_value.ob_digit",
	 "long_object.ob_digit")
PW_FIELD(long_tag, "_longobject|PyLongObject", "long_value.lv_tag",
	 "long_object.lv_tag")			    /* 3.12+ */
PW_FIELD(int_value, "PyIntObject", "ob_ival", NULL) /* 2.7 */

/* dict: Include/dictobject.h, cpython/dictobject.h; keys: Objects/dict-common.h, 3.11+
 * internal/pycore_dict.h */
PW_FIELD(dict_used, "PyDictObject|_dictobject", "ma_used", "dict_object.ma_used")
PW_FIELD(dict_keys, "PyDictObject|_dictobject", "ma_keys", "dict_object.ma_keys")
PW_FIELD(dict_values, "PyDictObject|_dictobject", "ma_values", "dict_object.ma_values")
PW_FIELD(dict2_mask, "PyDictObject|_dictobject", "ma_mask", NULL)		   /* 2.7 */
PW_FIELD(dict2_table, "PyDictObject|_dictobject", "ma_table", NULL)		   /* 2.7 */
PW_FIELD(keys_size, "_dictkeysobject|PyDictKeysObject", "dk_size", NULL)	   /* -3.10 */
PW_FIELD(keys_log2_size, "_dictkeysobject|PyDictKeysObject", "dk_log2_size", NULL) /* 3.11+ */
PW_FIELD(keys_log2_index_bytes, "_dictkeysobject|PyDictKeysObject", "dk_log2_index_bytes",
	 NULL)								 /* 3.11+ */
PW_FIELD(keys_kind, "_dictkeysobject|PyDictKeysObject", "dk_kind", NULL) /* 3.11+ */
PW_FIELD(keys_nentries, "_dictkeysobject|PyDictKeysObject", "dk_nentries", NULL)
PW_FIELD(keys_indices, "_dictkeysobject|PyDictKeysObject", "dk_indices", NULL)
PW_FIELD(entry_key, "PyDictKeyEntry|PyDictEntry", "me_key", NULL)
PW_FIELD(entry_value, "PyDictKeyEntry|PyDictEntry", "me_value", NULL)
PW_FIELD(entry_sizeof, "PyDictKeyEntry|PyDictEntry", "", NULL)
PW_FIELD(unicode_entry_key, "PyDictUnicodeEntry", "me_key", NULL)     /* 3.11+ */
PW_FIELD(unicode_entry_value, "PyDictUnicodeEntry", "me_value", NULL) /* 3.11+ */
PW_FIELD(unicode_entry_sizeof, "PyDictUnicodeEntry", "", NULL)	      /* 3.11+ */
PW_FIELD(values_values, "_dictvalues|PyDictValues", "values", NULL)   /* 3.11+ */
PW_FIELD(values_valid, "_dictvalues|PyDictValues", "valid",
	 NULL) /* 3.13+: stored inline in the object */

PW_FIELD(values_capacity, "_dictvalues|PyDictValues", "capacity", NULL) /* 3.13+ */
PW_FIELD(values_size, "_dictvalues|PyDictValues", "size", NULL)		/* 3.13+ */
PW_FIELD(dict_sizeof, "PyDictObject|_dictobject", "", NULL)

/* Numbers and sequences: Include/floatobject.h, complexobject.h, bytearrayobject.h, tupleobject.h,
 * listobject.h, sliceobject.h, later in cpython/ */
PW_FIELD(float_value, "PyFloatObject", "ob_fval", "float_object.ob_fval")
PW_FIELD(complex_real, "PyComplexObject", "cval.real", NULL)
PW_FIELD(complex_imag, "PyComplexObject", "cval.imag", NULL)
PW_FIELD(bytearray_start, "PyByteArrayObject", "ob_start|ob_bytes", NULL)
PW_FIELD(tuple_items, "PyTupleObject", "ob_item", "tuple_object.ob_item")
PW_FIELD(list_items, "PyListObject", "ob_item", "list_object.ob_item")
PW_FIELD(slice_start, "PySliceObject", "start", NULL)
PW_FIELD(slice_stop, "PySliceObject", "stop", NULL)
PW_FIELD(slice_step, "PySliceObject", "step", NULL)
/* Objects/rangeobject.c; 2.7's xrange holds C longs and neither stop nor objects */
PW_FIELD(range_start, "rangeobject", "start", NULL)
PW_FIELD(range_stop, "rangeobject", "stop", NULL)
PW_FIELD(range_step, "rangeobject", "step", NULL)
PW_FIELD(range_length, "rangeobject", "length|len", NULL)
/* Include/setobject.h */
PW_FIELD(set_used, "PySetObject|_setobject", "used", "set_object.used")
PW_FIELD(set_mask, "PySetObject|_setobject", "mask", "set_object.mask")
PW_FIELD(set_table, "PySetObject|_setobject", "table", "set_object.table")
PW_FIELD(setentry_key, "setentry", "key", NULL)
PW_FIELD(setentry_hash, "setentry", "hash", NULL)
PW_FIELD(setentry_sizeof, "setentry", "", NULL)
/* Objects/odictobject.c */
PW_FIELD(odict_first, "_odictobject|PyODictObject", "od_first", NULL)
PW_FIELD(odictnode_key, "_odictnode|_ODictNode", "key", NULL)
PW_FIELD(odictnode_next, "_odictnode|_ODictNode", "next", NULL)
/* Objects/dictobject.c and Include/: dict views; Objects/descrobject.c */
PW_FIELD(dictview_dict, "_PyDictViewObject|dictviewobject", "dv_dict", NULL)
PW_FIELD(mappingproxy_mapping, "mappingproxyobject|proxyobject", "mapping|dict", NULL)
/* Modules/_collectionsmodule.c */
PW_FIELD(deque_block, "dequeobject", "leftblock", NULL)
PW_FIELD(deque_index, "dequeobject", "leftindex", NULL)
PW_FIELD(deque_length, "dequeobject", "len", NULL) /* 2.7, else ob_size */
PW_FIELD(deque_maxlen, "dequeobject", "maxlen", NULL)
PW_FIELD(dequeblock_next, "BLOCK", "rightlink", NULL)
PW_FIELD(dequeblock_data, "BLOCK", "data", NULL)
PW_FIELD(dequeblock_sizeof, "BLOCK", "", NULL)

/* Functions and their kin: Include/funcobject.h, classobject.h, methodobject.h, descrobject.h,
 * moduleobject.h (3.11+ internal/pycore_moduleobject.h), genobject.h, cellobject.h, later in
 * cpython/; Objects/funcobject.c for staticmethod and classmethod */
PW_FIELD(function_name, "PyFunctionObject", "func_qualname|func_name", NULL)
PW_FIELD(function_globals, "PyFunctionObject", "func_globals", NULL)
PW_FIELD(function_code, "PyFunctionObject", "func_code", NULL)
PW_FIELD(function_closure, "PyFunctionObject", "func_closure", NULL)
PW_FIELD(method_function, "PyMethodObject", "im_func", NULL)
PW_FIELD(method_self, "PyMethodObject", "im_self", NULL)
PW_FIELD(method_class, "PyMethodObject", "im_class", NULL) /* 2.7 */
PW_FIELD(cfunction_def, "PyCFunctionObject", "m_ml", NULL)
PW_FIELD(cfunction_self, "PyCFunctionObject", "m_self", NULL)
PW_FIELD(methoddef_name, "PyMethodDef", "ml_name", NULL)
PW_FIELD(descriptor_type, "PyDescrObject", "d_type", NULL)
PW_FIELD(descriptor_name, "PyDescrObject", "d_name", NULL)
PW_FIELD(wrapper_descriptor, "wrapperobject", "descr", NULL)
PW_FIELD(wrapper_self, "wrapperobject", "self", NULL)
PW_FIELD(staticmethod_callable, "staticmethod", "sm_callable", NULL)
PW_FIELD(classmethod_callable, "classmethod", "cm_callable", NULL)
PW_FIELD(module_dict, "PyModuleObject", "md_dict", NULL)
PW_FIELD(module_name, "PyModuleObject", "md_name", NULL) /* 3.x */
PW_FIELD(cell_value, "PyCellObject", "ob_ref", NULL)
PW_FIELD(gen_name, "_PyGenObject|PyGenObject", "gi_qualname", "gen_object.name")   /* 3.x */
PW_FIELD(gen_code, "PyGenObject|_PyGenObject", "gi_code", NULL)			   /* -3.13 */
PW_FIELD(gen_frame, "PyGenObject", "gi_frame", NULL)				   /* -3.10 */
PW_FIELD(gen_iframe, "_PyGenObject|PyGenObject", "gi_iframe", "gen_object.iframe") /* 3.11+ */
PW_FIELD(gen_frame_state, "_PyGenObject|PyGenObject", "gi_frame_state",
	 "gen_object.gi_frame_state")					  /* 3.11+ */
PW_FIELD(gen_exc_state, "_PyGenObject|PyGenObject", "gi_exc_state", NULL) /* 3.7+ */
PW_FIELD(weakref_object, "_PyWeakReference|PyWeakReference", "wr_object", NULL)
/* Modules/_functoolsmodule.c */
PW_FIELD(partial_function, "partialobject", "fn", NULL)
PW_FIELD(partial_args, "partialobject", "args", NULL)
PW_FIELD(partial_keywords, "partialobject", "kw", NULL)
/* CPython 2.7's old-style classes: Include/classobject.h */
PW_FIELD(oldclass_name, "PyClassObject", "cl_name", NULL)
PW_FIELD(oldclass_dict, "PyClassObject", "cl_dict", NULL)
PW_FIELD(oldclass_bases, "PyClassObject", "cl_bases", NULL)
PW_FIELD(instance_class, "PyInstanceObject", "in_class", NULL)
PW_FIELD(instance_dict, "PyInstanceObject", "in_dict", NULL)

/* Exceptions: Include/pyerrors.h, cpython/pyerrors.h */
PW_FIELD(exception_args, "PyBaseExceptionObject", "args", NULL)
PW_FIELD(exception_traceback, "PyBaseExceptionObject", "traceback", NULL)		/* 3.x */
PW_FIELD(exception_context, "PyBaseExceptionObject", "context", NULL)			/* 3.x */
PW_FIELD(exception_cause, "PyBaseExceptionObject", "cause", NULL)			/* 3.x */
PW_FIELD(exception_suppress_context, "PyBaseExceptionObject", "suppress_context", NULL) /* 3.x */
/* Include/cpython/traceback.h */
PW_FIELD(traceback_next, "_traceback|PyTracebackObject", "tb_next", NULL)
PW_FIELD(traceback_frame, "_traceback|PyTracebackObject", "tb_frame", NULL)
PW_FIELD(traceback_lasti, "_traceback|PyTracebackObject", "tb_lasti", NULL)
PW_FIELD(traceback_lineno, "_traceback|PyTracebackObject", "tb_lineno", NULL)

/* Include/datetime.h; timezone: Modules/_datetimemodule.c */
PW_FIELD(date_data, "PyDateTime_Date", "data", NULL)
PW_FIELD(datetime_hastzinfo, "PyDateTime_DateTime", "hastzinfo", NULL)
PW_FIELD(datetime_data, "PyDateTime_DateTime", "data", NULL)
PW_FIELD(datetime_fold, "PyDateTime_DateTime", "fold", NULL) /* 3.6+ */
PW_FIELD(datetime_tzinfo, "PyDateTime_DateTime", "tzinfo", NULL)
PW_FIELD(time_hastzinfo, "PyDateTime_Time", "hastzinfo", NULL)
PW_FIELD(time_data, "PyDateTime_Time", "data", NULL)
PW_FIELD(time_fold, "PyDateTime_Time", "fold", NULL) /* 3.6+ */
PW_FIELD(time_tzinfo, "PyDateTime_Time", "tzinfo", NULL)
PW_FIELD(timedelta_days, "PyDateTime_Delta", "days", NULL)
PW_FIELD(timedelta_seconds, "PyDateTime_Delta", "seconds", NULL)
PW_FIELD(timedelta_microseconds, "PyDateTime_Delta", "microseconds", NULL)
PW_FIELD(timezone_offset, "PyDateTime_TimeZone", "offset", NULL) /* 3.x */
PW_FIELD(timezone_name, "PyDateTime_TimeZone", "name", NULL)	 /* 3.x */
/* Modules/_decimal/_decimal.c, libmpdec's mpdecimal.h */
PW_FIELD(decimal_flags, "PyDecObject", "dec.flags", NULL)
PW_FIELD(decimal_exp, "PyDecObject", "dec.exp", NULL)
PW_FIELD(decimal_digits, "PyDecObject", "dec.digits", NULL)
PW_FIELD(decimal_length, "PyDecObject", "dec.len", NULL)
PW_FIELD(decimal_data, "PyDecObject", "dec.data", NULL)

/* The table itself, 3.13+ */
PW_FIELD(debug_offsets_sizeof, "_Py_DebugOffsets", "", NULL)

/* enum _frameowner, 3.11+: Include/internal/pycore_frame.h */
PW_ENUMERATOR(owner_thread, "FRAME_OWNED_BY_THREAD")
PW_ENUMERATOR(owner_generator, "FRAME_OWNED_BY_GENERATOR")
PW_ENUMERATOR(owner_frame_object, "FRAME_OWNED_BY_FRAME_OBJECT")
PW_ENUMERATOR(owner_cstack, "FRAME_OWNED_BY_CSTACK")	       /* 3.12-3.14 */
PW_ENUMERATOR(owner_interpreter, "FRAME_OWNED_BY_INTERPRETER") /* 3.14+ */
PW_ENUMERATOR(frame_executing, "FRAME_EXECUTING")	       /* 3.11+ */

#undef PW_FIELD
#undef PW_ENUMERATOR
