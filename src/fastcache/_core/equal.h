/* What a hit needs of keys: the hash of small ints, and equality as far as it can be told without running Python.
 * Nothing here allocates or raises.
 *
 * In C for one word that Cython lacks: not inlined, these comparisons leave the registers of a hit, which seldom
 * needs them, alone.
 */
#ifndef FASTCACHE_EQUAL_H
#define FASTCACHE_EQUAL_H

#include "mutex.h"
#include <assert.h>
#include <stdint.h>

#if defined(_MSC_VER)
#define FC_APART __declspec(noinline)
#else
#define FC_APART __attribute__((noinline))
#endif

enum fc_equality { FC_NO, FC_YES, FC_ASK /* only Python code can tell */ };

FC_UNWATCHED static uint64_t fc_load64(const char *p)
{
    uint64_t word;
    memcpy(&word, p, 8);
    return word;
}

FC_UNWATCHED static uint32_t fc_load32(const char *p)
{
    uint32_t word;
    memcpy(&word, p, 4);
    return word;
}

/* Of more than 16 bytes. */
FC_UNWATCHED static FC_APART int fc_same_long(const char *a, const char *b, size_t n)
{
    if (n > 64)
        return memcmp(a, b, n) == 0;
    for (size_t i = 0; i < n; i += 8) {
        size_t at = i + 8 <= n ? i : n - 8;
        if (fc_load64(a + at) != fc_load64(b + at))
            return 0;
    }
    return 1;
}

/* Most keys are short, and a call of memcmp costs more than they do: words that overlap in the middle.  Readers
 * without a lock compare so too.
 */
FC_UNWATCHED static inline int fc_same_bytes(const char *a, const char *b, size_t n)
{
    if (n > 16)
        return fc_same_long(a, b, n);
    if (n >= 8)
        return ((fc_load64(a) ^ fc_load64(b)) | (fc_load64(a + n - 8) ^ fc_load64(b + n - 8))) == 0;
    if (n >= 4)
        return ((fc_load32(a) ^ fc_load32(b)) | (fc_load32(a + n - 4) ^ fc_load32(b + n - 4))) == 0;
    return n == 0 || (a[0] == b[0] && a[n >> 1] == b[n >> 1] && a[n - 1] == b[n - 1]);
}

static inline enum fc_equality fc_bytes_equal(const void *a, const void *b, Py_ssize_t n)
{
    return fc_same_bytes((const char *)a, (const char *)b, (size_t)n) ? FC_YES : FC_NO;
}

/* Whether both are strs whose characters are bytes that follow the header. */
FC_UNWATCHED static int fc_are_compact_ascii(const PyASCIIObject *a, const PyASCIIObject *b)
{
    static_assert(sizeof a->state == sizeof(uint32_t), "flags of a str in one word");
    PyASCIIObject wanted;
    uint32_t mask, x, y;
    memset(&wanted, 0, sizeof wanted);
    wanted.state.compact = wanted.state.ascii = 1;
    memcpy(&mask, &wanted.state, sizeof mask);
    memcpy(&x, &a->state, sizeof x);
    memcpy(&y, &b->state, sizeof y);
    return (x & y & mask) == mask;
}

static FC_APART enum fc_equality fc_wide_str_equal(PyObject *a, PyObject *b)
{
    if (PyUnicode_KIND(a) != PyUnicode_KIND(b))
        return FC_NO;
    return fc_bytes_equal(PyUnicode_DATA(a), PyUnicode_DATA(b), PyUnicode_GET_LENGTH(a) * PyUnicode_KIND(a));
}

static inline enum fc_equality fc_str_equal(PyObject *a, PyObject *b)
{
    const PyASCIIObject *x = (PyASCIIObject *)a, *y = (PyASCIIObject *)b;
    if (x->length != y->length)
        return FC_NO;
    if (fc_are_compact_ascii(x, y))
        return fc_bytes_equal(x + 1, y + 1, x->length);
    return fc_wide_str_equal(a, b);
}

/* Exact ints of one digit (of 30 bits, or of 15 on some builds). */
#if PY_VERSION_HEX >= 0x030C0000
static inline int fc_is_small_int(PyObject *o)
{
    return PyLong_CheckExact(o) && PyUnstable_Long_IsCompact((PyLongObject *)o);
}
static inline Py_ssize_t fc_small_int(PyObject *o) { return PyUnstable_Long_CompactValue((PyLongObject *)o); }
#else
static inline int fc_is_small_int(PyObject *o) { return PyLong_CheckExact(o) && (size_t)(Py_SIZE(o) + 1) <= 2; }
static inline Py_ssize_t fc_small_int(PyObject *o)
{
    Py_ssize_t digit = ((PyLongObject *)o)->ob_digit[0];
    return Py_SIZE(o) == 1 ? digit : Py_SIZE(o) * digit;
}
#endif

static inline Py_hash_t fc_small_int_hash(PyObject *o)
{
    Py_ssize_t value = fc_small_int(o);
    return value == -1 ? -2 : value;
}

/* Of two objects of one type that are neither the same nor strs. */
static FC_APART enum fc_equality fc_odd_equal(PyObject *a, PyObject *b)
{
    if (PyLong_CheckExact(a)) {
        /* Of two exact ints, this runs nothing and checks no recursion limit. */
        PyObject *answer = PyLong_Type.tp_richcompare(a, b, Py_EQ);
        Py_DECREF(answer); /* True or False: never the last reference */
        return answer == Py_True ? FC_YES : FC_NO;
    }
    if (PyBytes_CheckExact(a)) {
        Py_ssize_t n = PyBytes_GET_SIZE(a);
        return n != PyBytes_GET_SIZE(b) ? FC_NO : fc_bytes_equal(PyBytes_AS_STRING(a), PyBytes_AS_STRING(b), n);
    }
    if (PyFloat_CheckExact(a))
        return PyFloat_AS_DOUBLE(a) == PyFloat_AS_DOUBLE(b) ? FC_YES : FC_NO;
    return FC_ASK;
}

/* Of two objects that are not the same. */
static inline enum fc_equality fc_atom_equal(PyObject *a, PyObject *b)
{
    if (Py_TYPE(a) != Py_TYPE(b))
        return FC_ASK;
    if (PyUnicode_CheckExact(a))
        return fc_str_equal(a, b);
    if (fc_is_small_int(a) && fc_is_small_int(b))
        return fc_small_int(a) == fc_small_int(b) ? FC_YES : FC_NO;
    return fc_odd_equal(a, b);
}

static FC_APART enum fc_equality fc_tuple_equal(PyObject *a, PyObject *b)
{
    if (PyTuple_GET_SIZE(a) != PyTuple_GET_SIZE(b))
        return FC_NO;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(a); i++) {
        PyObject *x = PyTuple_GET_ITEM(a, i), *y = PyTuple_GET_ITEM(b, i);
        enum fc_equality verdict = x == y ? FC_YES : fc_atom_equal(x, y);
        if (verdict != FC_YES)
            return verdict;
    }
    return FC_YES;
}

/* Whether two keys of equal hash are equal; tuples of plain keys count as plain.  What most keys are comes first, and
 * the rest is apart, so that those need no frame.
 */
static FC_APART enum fc_equality fc_key_equal(PyObject *a, PyObject *b)
{
    if (a == b)
        return FC_YES;
    if (PyTuple_CheckExact(a) && PyTuple_CheckExact(b))
        return fc_tuple_equal(a, b);
    return fc_atom_equal(a, b);
}

/* Whether a key certainly is the tuple of these items. */
static FC_APART int fc_items_equal(PyObject *key, PyObject *const *items, Py_ssize_t count)
{
    if (!PyTuple_CheckExact(key) || PyTuple_GET_SIZE(key) != count)
        return 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *x = PyTuple_GET_ITEM(key, i);
        if (x != items[i] && fc_atom_equal(x, items[i]) != FC_YES)
            return 0;
    }
    return 1;
}

#endif
