/* What Cython does not offer for types: visiting and clearing what C structs own, vectorcall, and methods that take
 * their arguments as they come.
 */
#ifndef FASTCACHE_SLOTS_H
#define FASTCACHE_SLOTS_H

#include "Python.h"

/* Hands a new reference to Cython, which otherwise would take another one. */
static inline PyObject *fc_steal(PyObject *o) { return o; }

static traverseproc fc_inner_traverse;
static inquiry fc_inner_clear;
static traverseproc fc_own_traverse;
static inquiry fc_own_clear;

static int fc_traverse(PyObject *self, visitproc visit, void *arg)
{
    int stop = fc_own_traverse(self, visit, arg);
    return stop ? stop : fc_inner_traverse(self, visit, arg);
}

static int fc_clear(PyObject *self)
{
    fc_own_clear(self);
    return fc_inner_clear ? fc_inner_clear(self) : 0;
}

/* Makes the collector also see what `own_traverse` visits; call once, at module init, before any instance. */
static inline void fc_extend_gc(PyTypeObject *type, traverseproc own_traverse, inquiry own_clear)
{
    fc_inner_traverse = type->tp_traverse;
    fc_inner_clear = type->tp_clear;
    fc_own_traverse = own_traverse;
    fc_own_clear = own_clear;
    type->tp_traverse = fc_traverse;
    type->tp_clear = fc_clear;
    PyType_Modified(type);
}

/* A method that gets the caller's argument array, where Cython would first own every argument.  `def` must stay. */
static inline int fc_add_method(PyTypeObject *type, PyMethodDef *def)
{
    PyObject *method = PyDescr_NewMethod(type, def);
    if (method == NULL)
        return -1;
    int failed = PyDict_SetItemString(type->tp_dict, def->ml_name, method);
    Py_DECREF(method);
    PyType_Modified(type);
    return failed;
}

/* Whether one of the first `count` classes of a method resolution order has an attribute; -1 with an exception. */
static inline int fc_has_attribute(PyObject *mro, Py_ssize_t count, PyObject *name)
{
    int has = 0;
    for (Py_ssize_t i = 0; i < count && !has; i++)
        has = PyDict_Contains(((PyTypeObject *)PyTuple_GET_ITEM(mro, i))->tp_dict, name);
    return has;
}

/* Gives a Python class method descriptors of its own for those that it inherits from extension types: the interpreter
 * (3.11, 3.12) calls a method at full speed only if its descriptor belongs to the very type of the object.
 */
static inline int fc_adopt_methods(PyTypeObject *type)
{
    PyObject *mro = type->tp_mro;
    for (Py_ssize_t i = 1; i < PyTuple_GET_SIZE(mro); i++) {
        PyTypeObject *base = (PyTypeObject *)PyTuple_GET_ITEM(mro, i);
        PyObject *name, *method;
        Py_ssize_t place = 0;
        if (base == &PyBaseObject_Type || (base->tp_flags & Py_TPFLAGS_HEAPTYPE && base->tp_dict == NULL))
            continue;
        while (PyDict_Next(base->tp_dict, &place, &name, &method)) {
            int known;
            if (!Py_IS_TYPE(method, &PyMethodDescr_Type))
                continue;
            /* A class between may have a method of its own. */
            known = fc_has_attribute(mro, i, name);
            if (known < 0 || (!known && fc_add_method(type, ((PyMethodDescrObject *)method)->d_method) < 0))
                return -1;
        }
    }
    return 0;
}

/* For an object, not yet shared, that lasts as long as its module: who calls it need not count references to it, which
 * all threads would do in one place.  3.13 knows only objects that are never freed, as its own functions of modules are;
 * from 3.14 on the collector frees it.
 */
static inline void fc_spare_counting(PyObject *o)
{
#if !defined(Py_GIL_DISABLED)
    (void)o;
#elif PY_VERSION_HEX >= 0x030E0000
    PyUnstable_Object_EnableDeferredRefcount(o);
#else
    /* Documented there: a count beyond 32 bits makes an object immortal. */
    Py_SET_REFCNT(o, PY_SSIZE_T_MAX >> 3);
#endif
}

/* Calls to instances go to the vectorcallfunc at `offset`; as a class attribute they bind like a function. */
static inline void fc_enable_vectorcall(PyTypeObject *type, Py_ssize_t offset)
{
    type->tp_vectorcall_offset = offset;
    type->tp_call = PyVectorcall_Call;
    type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR;
    PyType_Modified(type);
}

#endif
