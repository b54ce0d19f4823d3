/* What may be done with memory that others may be writing, or objects that others may be freeing: looking word by
 * word, comparing keys, and trying to take a reference.
 *
 * Objects.  A reader follows a pointer to an object right after the sequence has confirmed that the object was in the
 * table, and so alive.  It may be freed a moment later, but its memory stays readable: a free-threaded CPython gives
 * pages of objects back only after every thread has passed a point between bytecodes, and a reader passes none.  What
 * is read there may be nonsense, and counts only if the sequence still holds afterwards.  So keys are compared without
 * references, if they are of types whose memory is known to be CPython's own: exact str, int, bytes, float, and
 * tuples of these.  For values, fc_readable says whether that is known of their type.
 */
#ifndef FASTCACHE_GLIMPSE_H
#define FASTCACHE_GLIMPSE_H

#include "equal.h"
#include "seqlock.h"

#if FC_FREE_READS

FC_UNWATCHED static void *fc_see_pointer(void *const *p) { return fc_relaxed_load(ptr, p); }
FC_UNWATCHED static uint32_t fc_see_u32(const uint32_t *p) { return fc_relaxed_load(uint32, p); }
FC_UNWATCHED static uint8_t fc_see_u8(const uint8_t *p) { return fc_relaxed_load(uint8, p); }
FC_UNWATCHED static int64_t fc_see_i64(const int64_t *p) { return fc_relaxed_load(int64, p); }
FC_UNWATCHED static void fc_leave_u8(uint8_t *p, uint8_t v) { fc_relaxed_store(uint8, p, v); }

/* Longer keys are compared under the lock. */
#define FC_GLIMPSE_BYTES 4096

/* Whether `n` bytes are equal; the sequence says whether the stored object really is as long as what we hold. */
FC_UNWATCHED static int fc_glimpse_bytes(
    const void *stored, const void *mine, size_t n, const fc_seqlock *l, uint64_t sequence)
{
    if (n > FC_GLIMPSE_BYTES || !fc_read_holds(l, sequence))
        return FC_ASK;
    return fc_same_bytes((const char *)stored, (const char *)mine, n) ? FC_YES : FC_NO;
}

/* As atom_equal, of a stored key that the sequence has confirmed; counts only if the sequence holds afterwards.
 * ob_type: for ThreadSanitizer Py_TYPE is a function of its own, which it would watch.
 */
FC_UNWATCHED static int fc_glimpse_atom(PyObject *stored, PyObject *mine, const fc_seqlock *l, uint64_t sequence)
{
    PyTypeObject *type = Py_TYPE(mine);
    if (stored == mine)
        return FC_YES;
    if (stored->ob_type != type)
        return FC_ASK;
    if (type == &PyUnicode_Type) {
        Py_ssize_t n = PyUnicode_GET_LENGTH(mine);
        const PyASCIIObject *a = (const PyASCIIObject *)stored, *b = (const PyASCIIObject *)mine;
        if (a->length != n)
            return FC_NO;
        if (fc_are_compact_ascii(a, b))
            return fc_glimpse_bytes(a + 1, b + 1, (size_t)n, l, sequence);
        if (a->state.kind != b->state.kind || a->state.ascii != b->state.ascii)
            return FC_NO;
        if (!a->state.compact || !b->state.compact)
            return FC_ASK;
        return fc_glimpse_bytes(
            (PyCompactUnicodeObject *)stored + 1, (PyCompactUnicodeObject *)mine + 1, (size_t)n * b->state.kind, l,
            sequence);
    }
    if (type == &PyLong_Type) {
        const _PyLongValue *a = &((PyLongObject *)stored)->long_value, *b = &((PyLongObject *)mine)->long_value;
        if (a->lv_tag != b->lv_tag)
            return FC_NO;
        if (fc_is_small_int(mine))
            return a->ob_digit[0] == b->ob_digit[0] || fc_small_int(mine) == 0 ? FC_YES : FC_NO;
        return fc_glimpse_bytes(
            a->ob_digit, b->ob_digit, (b->lv_tag >> _PyLong_NON_SIZE_BITS) * sizeof(digit), l, sequence);
    }
    if (type == &PyBytes_Type) {
        if (((PyVarObject *)stored)->ob_size != Py_SIZE(mine))
            return FC_NO;
        return fc_glimpse_bytes(
            ((PyBytesObject *)stored)->ob_sval, PyBytes_AS_STRING(mine), (size_t)Py_SIZE(mine), l, sequence);
    }
    if (type == &PyFloat_Type)
        return ((PyFloatObject *)stored)->ob_fval == ((PyFloatObject *)mine)->ob_fval ? FC_YES : FC_NO;
    return FC_ASK;
}

/* The same of the tuple of `n` items, which need not exist. */
FC_UNWATCHED FC_APART static int fc_glimpse_items(
    PyObject *stored, PyObject *const *items, Py_ssize_t n, const fc_seqlock *l, uint64_t sequence)
{
    if (stored->ob_type != &PyTuple_Type || ((PyVarObject *)stored)->ob_size != n)
        return FC_ASK;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *item = (PyObject *)fc_see_pointer((void *const *)&((PyTupleObject *)stored)->ob_item[i]);
        /* While the tuple is in the table, it holds its items. */
        if (!fc_read_holds(l, sequence))
            return FC_ASK;
        int verdict = fc_glimpse_atom(item, items[i], l, sequence);
        if (verdict != FC_YES)
            return verdict;
    }
    return FC_YES;
}

/* As key_equal, of a stored key that the sequence has confirmed; counts only if the sequence holds afterwards. */
static FC_APART int fc_glimpse_equal(PyObject *stored, PyObject *mine, const fc_seqlock *l, uint64_t sequence)
{
    if (PyTuple_CheckExact(mine))
        return fc_glimpse_items(stored, ((PyTupleObject *)mine)->ob_item, Py_SIZE(mine), l, sequence);
    return fc_glimpse_atom(stored, mine, l, sequence);
}

/* Whether an object, and what a glimpse at it may touch, lies in CPython's memory; to be told before it is published. */
static inline int fc_in_python(PyObject *o)
{
    freefunc release = Py_TYPE(o)->tp_free;
    return release == PyDict_Type.tp_free || release == PyBaseObject_Type.tp_free;
}
static inline int fc_readable(PyObject *o)
{
    if (PyTuple_CheckExact(o))
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(o); i++)
            if (!fc_in_python(PyTuple_GET_ITEM(o, i)))
                return 0;
    return fc_in_python(o);
}

/* Before an object is published, by who holds a reference: from now on its death goes through the shared count, where
 * a reader's attempt either comes before it or fails.
 */
FC_UNWATCHED static void fc_enable_try(PyObject *o)
{
#if PY_VERSION_HEX >= 0x030E0000
    PyUnstable_EnableTryIncRef(o);
#else
    if (_Py_IsImmortal(o))
        return;
    Py_ssize_t shared = fc_relaxed_load(ssize, &o->ob_ref_shared);
    while ((shared & _Py_REF_SHARED_FLAG_MASK) == 0)
        if (fc_swap_word_if(ssize, &o->ob_ref_shared, &shared, shared | _Py_REF_MAYBE_WEAKREF))
            return;
#endif
}

/* A new reference to an object that may be dying: 0 if it could not be had, 2 if none was needed. */
FC_UNWATCHED static int fc_try_incref(PyObject *o)
{
#if PY_VERSION_HEX >= 0x030E0000
    return PyUnstable_TryIncRef(o);
#else
    uint32_t local = fc_relaxed_load(uint32, &o->ob_ref_local) + 1;
    if (local == 0)
        return 2;
    /* The owner's references are only ever counted, and given up, by the owner: this thread. */
    if (fc_relaxed_load(uintptr, &o->ob_tid) == _Py_ThreadId()) {
        fc_relaxed_store(uint32, &o->ob_ref_local, local);
        return 1;
    }
    Py_ssize_t shared = fc_relaxed_load(ssize, &o->ob_ref_shared);
    do {
        if (shared == 0 || shared == _Py_REF_MERGED)
            return 0;
    } while (!fc_swap_word_if(ssize, &o->ob_ref_shared, &shared, shared + ((Py_ssize_t)1 << _Py_REF_SHARED_SHIFT)));
    return 1;
#endif
}

#else

#define fc_see_pointer(p) (*(void *const *)(p))
#define fc_see_u32(p) (*(p))
#define fc_see_u8(p) (*(p))
#define fc_see_i64(p) (*(p))
#define fc_leave_u8(p, v) (*(p) = (v))
#define fc_glimpse_equal(stored, mine, l, sequence) ((void)(stored), (void)(mine), (void)(l), (void)(sequence), FC_ASK)
#define fc_glimpse_items(stored, items, n, l, sequence) \
    ((void)(stored), (void)(items), (void)(n), (void)(l), (void)(sequence), FC_ASK)
#define fc_readable(o) ((void)(o), 1)
#define fc_enable_try(o) ((void)(o))
#define fc_try_incref(o) ((void)(o), 0)

#endif
#endif
