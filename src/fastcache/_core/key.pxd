"""Keys: their hash, spread over all bits, and equality as far as it can be told without running Python."""

from cpython.object cimport PyObject
from libc.stdint cimport uint32_t, uint64_t

from fastcache._core.py cimport PyASCIIObject, assume, likely, py_hash, py_is_str, py_tuple_items, unlikely

cdef extern from "hash.h" nogil:
    uint64_t mul_fold "fc_mul_fold"(uint64_t, uint64_t) noexcept

cdef extern from "equal.h" nogil:
    ctypedef enum Equality "enum fc_equality":
        NO "FC_NO"
        YES "FC_YES"
        ASK "FC_ASK"    # only Python code can tell

    # Ints of one digit, and what Python hashes them to.
    bint is_small_int "fc_is_small_int"(PyObject*) noexcept
    Py_hash_t small_int_hash "fc_small_int_hash"(PyObject*) noexcept
    # Of two keys of equal hash; tuples of plain keys count as plain.
    Equality key_equal "fc_key_equal"(PyObject*, PyObject*) noexcept
    bint items_equal "fc_items_equal"(PyObject*, PyObject* const*, Py_ssize_t) noexcept


cdef extern from *:
    """
    /* What the words of an index have of a hash. */
    #define FC_TAG 0xFF000000u
    #define FC_LEAST_TAG 0x01000000u
    """
    const uint32_t TAG "FC_TAG"
    const uint32_t LEAST_TAG "FC_LEAST_TAG"

cdef extern from *:
    """
    #define FC_XXH_1 11400714785074694791ULL
    #define FC_XXH_2 14029467366897019727ULL
    #define FC_XXH_5 2870177450012600261ULL
    /* What nobody outside knows, or ints could be chosen that share a place: a copy in each module, all alike. */
    static uint64_t fc_salt = 0;
    """
    uint64_t salt "fc_salt"
    const uint64_t XXH_1 "FC_XXH_1"
    const uint64_t XXH_2 "FC_XXH_2"
    const uint64_t XXH_5 "FC_XXH_5"


cdef inline Py_hash_t plain_hash(PyObject* key) except -1:
    """Python's hash; calls ``__hash__`` of strangers: never under a lock."""
    if likely(py_is_str(key) and (<PyASCIIObject*>key).hash != -1):
        return (<PyASCIIObject*>key).hash
    if is_small_int(key):
        return small_int_hash(key)
    return py_hash(key)


cdef inline uint64_t tagged(uint64_t hash) noexcept nogil:
    """A hash whose tag is not 0, as that of an empty word is; so it is not 0 itself, which stands for an error."""
    if unlikely(hash & TAG == 0):
        hash |= LEAST_TAG
    assume(hash != 0)
    return hash


cdef inline uint64_t mixed(Py_hash_t h) noexcept nogil:
    """A hash spread over all bits: the top ones choose a stripe, the low ones a place in its index."""
    return tagged(mul_fold(<uint64_t>h ^ salt, <uint64_t>0xE7037ED1A0B428DBULL))


cdef inline int draw_salt() except -1:
    """To be called by each module that hashes keys, when it is imported: it is as random as Python's hashes of strs."""
    global salt
    salt = <uint64_t>hash("the salt of fastcache's hashes")
    return 0


cdef inline uint64_t key_hash(PyObject* key) except? 0:
    """The mixed hash of a key."""
    return mixed(plain_hash(key))


cdef inline uint64_t hash_at_hand(PyObject* key) noexcept nogil:
    """The same of a str that has been hashed before, or an int of one digit; 0 for others."""
    if likely(py_is_str(key)):
        return mixed((<PyASCIIObject*>key).hash) if likely((<PyASCIIObject*>key).hash != -1) else 0
    return mixed(small_int_hash(key)) if is_small_int(key) else 0


cdef inline uint64_t items_hash(PyObject* const* items, Py_ssize_t count) except? 0:
    """What ``key_hash`` gives for the tuple of these items, without making it: tuples hash by xxHash (Collet, 2012).

    ``items_hash_holds`` tells whether this Python does so.
    """
    cdef uint64_t sum = XXH_5
    cdef Py_ssize_t i
    for i in range(count):
        sum += <uint64_t>plain_hash(items[i]) * XXH_2
        sum = ((sum << 31) | (sum >> 33)) * XXH_1
    sum += <uint64_t>count ^ (XXH_5 ^ <uint64_t>3527539)
    return mixed(<Py_hash_t>sum if sum != <uint64_t>-1 else 1546275796)


cdef inline bint items_hash_holds() except -1:
    cdef tuple sample = ("a", -1, 2.5, ("b", None))
    cdef tuple nothing = ()
    return (
        sizeof(Py_hash_t) == 8
        and items_hash(py_tuple_items(<PyObject*>sample), 4) == key_hash(<PyObject*>sample)
        and items_hash(py_tuple_items(<PyObject*>nothing), 0) == key_hash(<PyObject*>nothing)
    )
