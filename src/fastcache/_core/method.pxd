"""Methods that take the caller's argument array as it is."""

from cpython.object cimport PyTypeObject

cdef extern from "Python.h":
    ctypedef void (*AnyFunction "PyCFunction")()
    ctypedef struct MethodDef "PyMethodDef":
        const char* name "ml_name"
        AnyFunction function "ml_meth"
        int flags "ml_flags"
        const char* doc "ml_doc"
    const int POSITIONAL "METH_FASTCALL"
    const int KEYWORDS "METH_KEYWORDS"

cdef extern from "slots.h":
    # The definition must outlive the type.
    int add_method "fc_add_method"(PyTypeObject*, MethodDef*) except -1
    int adopt_methods "fc_adopt_methods"(PyTypeObject*) except -1
