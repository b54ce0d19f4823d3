/* What awaits an instance gets its value at once, as from a coroutine that returns without ever having waited.
 *
 * CPython 3.11 asks `am_send` for it.  Later ones do so for coroutines of their own only; of others they ask
 * `tp_iternext`, and take the value out of a StopIteration.  Making one costs more than all the rest of a hit, so those
 * that nobody kept are used again.
 */
#ifndef FASTCACHE_READY_H
#define FASTCACHE_READY_H

#include "Python.h"
#include <stdint.h>

/* Places for StopIterations that wait for their next use.  Each owns one whose value and argument are None, or is NULL.
 * The collector does not know them there: one that it has found unreachable it would clear wherever it is.
 * Without a GIL threads have places apart, so that they seldom wait for the same line of memory.
 */
#ifdef Py_GIL_DISABLED
#define FC_SPARE_STOPS 64
#define fc_exchange(p, o) ((PyObject *)_Py_atomic_exchange_ptr(p, o))
#define fc_stop_place() (((uint64_t)_Py_ThreadId() * 0x9E3779B97F4A7C15ULL) >> 58)
#else
#define FC_SPARE_STOPS 1
static inline PyObject *fc_exchange(PyObject **p, PyObject *o)
{
    PyObject *old = *p;
    *p = o;
    return old;
}
#define fc_stop_place() 0
#endif
static PyObject *fc_spare_stops[FC_SPARE_STOPS];

/* A new reference to a StopIteration that brings `value`, or NULL with an exception. */
static inline PyObject *fc_stop_new(PyObject *value)
{
    PyObject *stop = fc_exchange(&fc_spare_stops[fc_stop_place()], NULL);
    if (stop == NULL)
        return PyObject_CallOneArg(PyExc_StopIteration, value);
    Py_INCREF(value);
    Py_INCREF(value);
    ((PyStopIterationObject *)stop)->value = value;
    PyTuple_SET_ITEM(((PyStopIterationObject *)stop)->args, 0, value);
    /* It does not follow a tuple of None alone. */
    if (!PyObject_GC_IsTracked(((PyStopIterationObject *)stop)->args))
        PyObject_GC_Track(((PyStopIterationObject *)stop)->args);
    PyObject_GC_Track(stop);
    return stop;
}

/* Whether this thread has the only reference.  Without a GIL that can be told of objects alone that it made itself. */
static inline int fc_is_unique(PyObject *o)
{
#ifdef Py_GIL_DISABLED
    return _Py_atomic_load_uintptr_relaxed(&o->ob_tid) == _Py_ThreadId()
        && _Py_atomic_load_uint32_relaxed(&o->ob_ref_local) == 1
        && _Py_atomic_load_ssize_relaxed(&o->ob_ref_shared) == 0;
#else
    return Py_REFCNT(o) == 1;
#endif
}

/* Whether a StopIteration is held by one reference alone, and was only ever told its value. */
static inline int fc_stop_is_plain(PyObject *stop)
{
    PyStopIterationObject *own = (PyStopIterationObject *)stop;
    return fc_is_unique(stop) && Py_IS_TYPE(stop, (PyTypeObject *)PyExc_StopIteration)
        && own->args != NULL && fc_is_unique(own->args) && PyTuple_GET_SIZE(own->args) == 1
        && own->dict == NULL && own->traceback == NULL && own->context == NULL && own->cause == NULL
        && !own->suppress_context;
}

/* Gives up a reference to what `fc_stop_new` gave, or to NULL. */
static inline void fc_stop_free(PyObject *stop)
{
    PyStopIterationObject *own = (PyStopIterationObject *)stop;
    PyObject *value, *arg;
    if (stop == NULL)
        return;
    if (!fc_stop_is_plain(stop)) {
        Py_DECREF(stop);
        return;
    }
    PyObject_GC_UnTrack(stop);
    value = own->value;
    arg = PyTuple_GET_ITEM(own->args, 0);
    own->value = Py_NewRef(Py_None);
    PyTuple_SET_ITEM(own->args, 0, Py_NewRef(Py_None));
    stop = fc_exchange(&fc_spare_stops[fc_stop_place()], stop);
    /* Strangers' code may run from here on. */
    Py_XDECREF(stop);
    Py_XDECREF(value);
    Py_XDECREF(arg);
}

/* Raises a StopIteration, and takes over the reference. */
static inline void fc_stop_raise(PyObject *stop)
{
#if PY_VERSION_HEX >= 0x030C0000
    PyErr_SetRaisedException(stop);
#else
    PyErr_SetObject(PyExc_StopIteration, stop);
    Py_DECREF(stop);
#endif
}

static PyObject *(*fc_value_of)(PyObject *);
static PyAsyncMethods fc_async_methods;

static PySendResult fc_send(PyObject *self, PyObject *sent, PyObject **result)
{
    (void)sent;
    *result = fc_value_of(self);
    return *result != NULL ? PYGEN_RETURN : PYGEN_ERROR;
}

static inline void fc_enable_await(PyTypeObject *type, PyObject *(*value_of)(PyObject *), iternextfunc next)
{
    fc_value_of = value_of;
    if (type->tp_as_async != NULL)
        fc_async_methods = *type->tp_as_async;
    fc_async_methods.am_await = PyObject_SelfIter;
    fc_async_methods.am_send = fc_send;
    type->tp_as_async = &fc_async_methods;
    type->tp_iternext = next;
    PyType_Modified(type);
}

#endif
