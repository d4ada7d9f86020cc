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
	 "thread_state.native_thread_id") /* 3.11+ */
PW_FIELD(tstate_sizeof, "_ts|PyThreadState", "", "thread_state.size")

/* _PyCFrame (3.10: CFrame): on the C stack of each evaluation, 3.10-3.12, cpython/pystate.h */
PW_FIELD(cframe_previous, "_PyCFrame|_cframe|CFrame", "previous", NULL)
PW_FIELD(cframe_current_frame, "_PyCFrame|_cframe|CFrame", "current_frame", NULL) /* 3.11+ */

/* PyFrameObject as the thing that runs, -3.10: Include/frameobject.h, cpython/frameobject.h */
PW_FIELD(frame_back, "_frame|PyFrameObject", "f_back", NULL)
PW_FIELD(frame_code, "_frame|PyFrameObject", "f_code", NULL)
PW_FIELD(frame_lasti, "_frame|PyFrameObject", "f_lasti", NULL)

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
PW_FIELD(code_tlbc, "PyCodeObject", "co_tlbc", "code_object.co_tlbc")	  /* 3.14+ free-threaded */

/* Objects: Include/object.h, cpython/object.h */
PW_FIELD(object_type, "_object|PyObject", "ob_type", "pyobject.ob_type")
PW_FIELD(object_sizeof, "_object|PyObject", "", "pyobject.size")
PW_FIELD(var_size, "PyVarObject", "ob_size", NULL)
PW_FIELD(type_name, "_typeobject|PyTypeObject", "tp_name", "type_object.tp_name")
PW_FIELD(type_basicsize, "_typeobject|PyTypeObject", "tp_basicsize", NULL)
PW_FIELD(type_itemsize, "_typeobject|PyTypeObject", "tp_itemsize", NULL)
PW_FIELD(type_flags, "_typeobject|PyTypeObject", "tp_flags", "type_object.tp_flags")
PW_FIELD(type_dictoffset, "_typeobject|PyTypeObject", "tp_dictoffset", NULL)
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

/* The table itself, 3.13+ */
PW_FIELD(debug_offsets_sizeof, "_Py_DebugOffsets", "", NULL)

/* enum _frameowner, 3.11+: Include/internal/pycore_frame.h */
PW_ENUMERATOR(owner_thread, "FRAME_OWNED_BY_THREAD")
PW_ENUMERATOR(owner_generator, "FRAME_OWNED_BY_GENERATOR")
PW_ENUMERATOR(owner_frame_object, "FRAME_OWNED_BY_FRAME_OBJECT")
PW_ENUMERATOR(owner_cstack, "FRAME_OWNED_BY_CSTACK")	       /* 3.12-3.14 */
PW_ENUMERATOR(owner_interpreter, "FRAME_OWNED_BY_INTERPRETER") /* 3.14+ */

#undef PW_FIELD
#undef PW_ENUMERATOR
