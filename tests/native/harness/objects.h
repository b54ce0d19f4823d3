/* Real objects: one of each kind of key, and values that know whether they are alive.  In the interpreter only. */
#ifndef FASTCACHE_HARNESS_OBJECTS_H
#define FASTCACHE_HARNESS_OBJECTS_H

#include "harness.h"

/* A value.  ThreadSanitizer does not see what counting references and CPython's allocator order, and is told of it. */
typedef struct {
    PyObject_HEAD
    int64_t number; /* -1 once it is dead */
    int64_t same;
} token;

static int64_t tokens_alive; /* atomic */

static void token_dealloc(PyObject *self)
{
    token *t = (token *)self;
    fc_watch_acquire(self);
    check(t->number >= 0 && t->same == t->number, "token %lld died twice", (long long)t->number);
    t->number = t->same = -1;
    __atomic_sub_fetch(&tokens_alive, 1, __ATOMIC_RELAXED);
    fc_watch_release(self);
    Py_TYPE(self)->tp_free(self);
}

static PyTypeObject token_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "token",
    .tp_basicsize = sizeof(token),
    .tp_dealloc = token_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT,
};

static inline PyObject *token_new(int64_t number)
{
    token *t = PyObject_New(token, &token_type);
    fc_watch_acquire(t);
    t->number = t->same = number;
    __atomic_add_fetch(&tokens_alive, 1, __ATOMIC_RELAXED);
    return (PyObject *)t;
}

static inline int64_t token_number(PyObject *o)
{
    check(Py_TYPE(o) == &token_type, "a value of type %s", Py_TYPE(o)->tp_name);
    check(((token *)o)->same == ((token *)o)->number, "token %lld is torn", (long long)((token *)o)->number);
    return ((token *)o)->number;
}

static inline void drop(PyObject *o)
{
    if (o != NULL)
        fc_watch_release(o);
    Py_XDECREF(o);
}

/* Keys of one kind and size differ by their number alone, which may lie anywhere in them. */
enum { KINDS = 9 };

static inline PyObject *key_new(int kind, unsigned number)
{
    char text[128];
    PyObject *key = NULL;
    switch (kind) {
    case 0:
        key = PyUnicode_FromFormat("%05u", number);
        break;
    case 1:
        key = PyUnicode_FromFormat("a longer string of ASCII, with %05u", number);
        break;
    case 2:
        snprintf(text, sizeof text, "%05u of the kind \xc3\xa4", number);
        key = PyUnicode_FromString(text);
        break;
    case 3:
        snprintf(text, sizeof text, "%05u \xce\xa9\xce\xa9 and \xf0\x9f\x98\x80", number);
        key = PyUnicode_FromString(text);
        break;
    case 4:
        key = PyLong_FromLong(100000 + (long)number);
        break;
    case 5:
        snprintf(text, sizeof text, "-1%05u0000000000000000000000000000000000%05u", number, number);
        key = PyLong_FromString(text, NULL, 10);
        break;
    case 6:
        key = PyBytes_FromFormat("%05u as bytes", number);
        break;
    case 7:
        key = PyFloat_FromDouble(number / 8.0 + 0.125);
        break;
    case 8:
        key = Py_BuildValue("(sId)", "a", number, number * 0.5);
        break;
    }
    check(key != NULL, "no key of kind %d", kind);
    return key;
}

#endif
