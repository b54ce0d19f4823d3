/* Telling who listens that a value has left. */
#ifndef FASTCACHE_REMOVAL_H
#define FASTCACHE_REMOVAL_H

#include "Python.h"

#if defined(__GNUC__)
#define FC_COLD __attribute__((noinline, cold, unused))
#elif defined(_MSC_VER)
#define FC_COLD __declspec(noinline)
#else
#define FC_COLD
#endif

/* Calls listener(key, value, cause); what it raises goes to sys.unraisablehook.  Nothing may be locked. */
FC_COLD static void fc_tell(PyObject *listener, PyObject *key, PyObject *value, const char *cause)
{
    PyObject *name = PyUnicode_InternFromString(cause);
    PyObject *args[] = {key, value, name};
    PyObject *answer = name == NULL ? NULL : PyObject_Vectorcall(listener, args, 3, NULL);
    Py_XDECREF(name);
    if (answer == NULL)
        PyErr_WriteUnraisable(listener);
    else
        Py_DECREF(answer);
}

#endif
