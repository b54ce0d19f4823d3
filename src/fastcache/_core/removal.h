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
FC_COLD static void fc_tell(PyObject *listener, PyObject *key, PyObject *value, PyObject *cause)
{
    PyObject *args[] = {key, value, cause};
    PyObject *answer = PyObject_Vectorcall(listener, args, 3, NULL);
    if (answer == NULL)
        PyErr_WriteUnraisable(listener);
    else
        Py_DECREF(answer);
}

#endif
