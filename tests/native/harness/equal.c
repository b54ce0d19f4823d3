/* equal.h: where keys are said to be equal or not, Python says so too, and nothing beside them is read. */
#include "objects.h"
#include "equal.h"

/* Past where memcmp takes over. */
enum { LONGEST = 70 };

static void compare(PyObject *a, PyObject *b)
{
    enum fc_equality verdict = fc_key_equal(a, b);
    int equal = PyObject_RichCompareBool(a, b, Py_EQ);
    check(verdict == FC_ASK || (verdict == FC_YES) == equal, "%d, but Python says %d", (int)verdict, equal);
    check(verdict != FC_ASK || Py_TYPE(a) != Py_TYPE(b) || PyTuple_Check(a), "in doubt of plain keys");
    if (PyTuple_Check(b)) {
        PyObject *items[3] = {PyTuple_GetItem(b, 0), PyTuple_GetItem(b, 1), PyTuple_GetItem(b, 2)};
        check(fc_items_equal(a, items, 3) == (PyTuple_Check(a) && equal), "not as its items are");
        check(!fc_items_equal(a, items, 2), "as fewer items");
    }
}

static void compare_kinds(void)
{
    for (int round = 0; round < rounds; round++) {
        int kind = (int)draw(KINDS), other = draw(3) ? kind : (int)draw(KINDS);
        unsigned number = (unsigned)draw(3);
        PyObject *a = key_new(kind, number), *b = key_new(other, draw(2) ? number : (unsigned)draw(90000));
        compare(a, b);
        compare(a, a);
        if (fc_is_small_int(a))
            check(fc_small_int_hash(a) == PyObject_Hash(a), "another hash");
        Py_DECREF(a);
        Py_DECREF(b);
    }
}

/* Of every length, differing in each byte. */
static void compare_bytes(void)
{
    for (Py_ssize_t n = 0; n <= LONGEST; n++) {
        PyObject *a = PyBytes_FromStringAndSize(NULL, n), *s;
        memset(PyBytes_AS_STRING(a), 'a', (size_t)n);
        s = PyUnicode_FromStringAndSize(PyBytes_AS_STRING(a), n);
        for (Py_ssize_t at = -1; at < n; at++) {
            PyObject *b = PyBytes_FromStringAndSize(PyBytes_AS_STRING(a), n), *t;
            if (at >= 0)
                PyBytes_AS_STRING(b)[at] ^= 1;
            t = PyUnicode_FromStringAndSize(PyBytes_AS_STRING(b), n);
            compare(a, b);
            compare(s, t);
            check((fc_bytes_equal(PyBytes_AS_STRING(a), PyBytes_AS_STRING(b), n) == FC_YES) == (at < 0),
                "%zd bytes, differing in number %zd", n, at);
            Py_DECREF(b);
            Py_DECREF(t);
        }
        Py_DECREF(a);
        Py_DECREF(s);
    }
}

static void compare_small_ints(void)
{
    static const long edges[] = {0, 1, -1, -2, 32767, 32768, (1 << 30) - 1, 1 << 30, -(1 << 30), 1 - (1 << 30)};
    for (size_t n = 0; n < sizeof edges / sizeof *edges; n++) {
        PyObject *a = PyLong_FromLong(edges[n]);
        if (fc_is_small_int(a)) {
            check(fc_small_int(a) == edges[n], "%ld is told as %ld", edges[n], (long)fc_small_int(a));
            check(fc_small_int_hash(a) == PyObject_Hash(a), "another hash of %ld", edges[n]);
        }
        for (size_t m = 0; m < sizeof edges / sizeof *edges; m++) {
            PyObject *b = PyLong_FromLong(edges[m]);
            compare(a, b);
            Py_DECREF(b);
        }
        check(!fc_is_small_int(Py_True), "a bool");
        Py_DECREF(a);
    }
}

static void drive(int effort)
{
    PyObject *nan = PyFloat_FromDouble(Py_NAN), *other = PyFloat_FromDouble(Py_NAN);
    compare(nan, other);
    Py_DECREF(nan);
    Py_DECREF(other);
    set_rounds(20000, effort);
    compare_kinds();
    compare_bytes();
    compare_small_ints();
    printf("%d pairs of keys\n", rounds);
}

HARNESS(equal)
