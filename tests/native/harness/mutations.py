"""What the programs say if a header is wrong: one thing is broken in a copy of it, and a program must find it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

from tests.native.harness.building import ALONE, FREE_THREADED, HEADERS, Outcome, Program, build_program, run_program


class Mutation(NamedTuple):
    """One thing that is broken, and who finds it."""

    header: str
    what: str
    program: Program
    said: str  # what the program says then
    changes: dict[str, str]  # of what is there just once, what is put in its place
    build: str = "plain"

    def __str__(self) -> str:
        return f"{self.header}, {self.what} ({self.program}, {self.build})"

    def run(self, folder: Path) -> Outcome:
        """Runs the program against headers that are broken so."""
        headers = folder / "headers"
        headers.mkdir()
        for path in HEADERS.glob("*.h"):
            shutil.copy(path, headers)
        text = (headers / self.header).read_text()
        for old, new in self.changes.items():
            assert text.count(old) == 1, f"{self.header} has {text.count(old)} times {old!r}"
            text = text.replace(old, new)
        (headers / self.header).write_text(text)
        return run_program(self.program, self.build, build_program(self.program, self.build, folder, headers))


def is_caught(mutation: Mutation, outcome: Outcome) -> bool:
    return outcome.code != 0 and mutation.said in outcome.text


RACE = "ThreadSanitizer: data race"
ATOMICS, MUTEX, SEQLOCK, ORDERS, SHELF = map(Program, ("atomics", "mutex", "seqlock", "orders", "shelf"))
ENTRY, PAGES, WORDS, HASH = map(Program, ("entry", "pages", "words", "hash"))
WORDS_PLAINLY, HASH_BY_HALVES = (program for program in ALONE if program.flags)
EQUAL, READY, GLIMPSE = (Program(name, inside=True) for name in ("equal", "ready", "glimpse"))

SUM = {"return __atomic_add_fetch(p, v, __ATOMIC_SEQ_CST);": "*p += v; return *p;"}
SWAP = {
    "return __atomic_compare_exchange_n(p, &expected, wanted, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);": """
    if (fc_load(p) != expected)
        return 0;
    sched_yield();
    fc_store(p, wanted);
    return 1;
    """
}
STORE_POINTER = {"__atomic_store_n(p, v, __ATOMIC_RELEASE)": "__atomic_store_n(p, v, __ATOMIC_RELAXED)"}
LOAD_POINTER = {"(void *const *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE)": "(void *const *p) { return *p"}
LOAD_SEEN = {
    "_seen(const int64_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE)": "_seen(const int64_t *p) { return *p"
}
NO_LOCK = {"PyMutex_Lock(m); fc_watch_acquire(m);": ""}
NO_RESET = {"{ memset(m, 0, sizeof *m); }": "{ (void)m; }"}
NO_WRITE_LOCK = {"do { fc_mutex_lock(&(l)->mutex); fc_write": "do { fc_write"}
NOT_ODD = {"l->sequence + 1)": "l->sequence)", "l->sequence + 3)": "l->sequence + 4)"}
NO_ORDER_AFTER = {"_Py_atomic_store_uint64_release(": "_Py_atomic_store_uint64_relaxed("}
NO_ORDER_BEFORE = {"fc_acquire_load(": "fc_relaxed_load("}
FREED = {"block->size = size <": "PyMem_RawFree(block); return; block->size = size <"}
ONE_LIST = {
    "fc_shelf_put(shelf, &shelf->words": "fc_shelf_put(shelf, &shelf->chunks",
    "fc_shelf_take(shelf, &shelf->words": "fc_shelf_take(shelf, &shelf->chunks",
}
WIDER = {"(bits >> 21) - (127u << 2)": "(bits >> 22) - (127u << 1)"}
AS_FAR = {"_mm_and_si128(low, mask), ahead)": "_mm_and_si128(low, mask), _mm_sub_epi32(ahead, _mm_set1_epi32(1)))"}
LAST_WORD = {"(fc_load64(a + n - 8) ^ fc_load64(b + n - 8))": "(fc_load64(a) ^ fc_load64(b))"}
LAST_BYTES = {"i + 8 <= n ? i : n - 8": "i + 8 <= n ? i : i - 1"}

# The first of each program and build is tried in every suite.
MUTATIONS = [
    Mutation("atomics.h", "a swap looks, and then writes", ATOMICS, "not so", SWAP),
    Mutation("atomics.h", "a pointer is told of before what is there", ATOMICS, RACE, STORE_POINTER, "thread"),
    Mutation("atomics.h", "a pointer is seen, but not what is there", ATOMICS, RACE, LOAD_POINTER, "thread"),
    Mutation("atomics.h", "a count is seen, but not what it counts", ATOMICS, RACE, LOAD_SEEN, "thread"),
    Mutation("atomics.h", "a sum is not atomic", ATOMICS, RACE, SUM, "thread"),
    Mutation("mutex.h", "nothing is locked", MUTEX, "mutex 0: ", NO_LOCK),
    Mutation("mutex.h", "nothing is locked", MUTEX, RACE, NO_LOCK, "thread"),
    Mutation("mutex.h", "a section is not counted", MUTEX, "while it is locked", {"fc_sections++;": ""}),
    Mutation("mutex.h", "sections of all threads are counted", MUTEX, "sections", {"static __thread": "static"}),
    Mutation("mutex.h", "a child keeps what was locked", MUTEX, "the child ended", NO_RESET),
    Mutation("seqlock.h", "no odd number", SEQLOCK, "not so", NOT_ODD),
    Mutation("seqlock.h", "a reader does not look again", SEQLOCK, "word ", {") == sequence;": ") == sequence || 1;"}),
    Mutation("seqlock.h", "the same number afterwards", SEQLOCK, "not so", {"l->sequence + 3)": "l->sequence - 1)"}),
    Mutation("seqlock.h", "writers do not lock", SEQLOCK, "not so", NO_WRITE_LOCK),
    Mutation("seqlock.h", "open again after a write", SEQLOCK, "open again", {"l->sequence | 2)": "l->sequence | 1)"}),
    Mutation(
        "seqlock.h", "a reset is not seen", SEQLOCK, "nothing seems", {"l->sequence += 3 *": "l->sequence -= 1 *"}
    ),
    Mutation("seqlock.h", "a reader may go before the number", SEQLOCK, RACE, NO_ORDER_BEFORE, "thread"),
    Mutation("seqlock.h", "the number may come before what was written", SEQLOCK, RACE, NO_ORDER_AFTER, "thread"),
    Mutation("seqlock.h", "no fence after the odd number", ORDERS, "mixed", {"_Py_atomic_fence_release();": ""}),
    Mutation("seqlock.h", "no fence before the last look", ORDERS, "mixed", {"_Py_atomic_fence_acquire();": ""}),
    Mutation("seqlock.h", "the number may come before what was written", ORDERS, "mixed", NO_ORDER_AFTER),
    Mutation("seqlock.h", "a reader may go before the number", ORDERS, "mixed", NO_ORDER_BEFORE),
    Mutation("shelf.h", "what leaves is freed", SHELF, "heap-use-after-free", FREED, "address"),
    Mutation("shelf.h", "entries and words share a list", SHELF, "not so", ONE_LIST),
    Mutation("shelf.h", "other sizes are taken", SHELF, "not so", {"block->size == size": "block->size >= size"}),
    Mutation("shelf.h", "words are not zeroed", SHELF, "zero", {": memset(memory, 0, size)": ": memory"}),
    Mutation("shelf.h", "what is taken is still counted", SHELF, "bytes", {"shelf->bytes -= size;": ""}),
    Mutation("entry.h", "steps are twice as wide", ENTRY, "not so", WIDER),
    Mutation("pages.h", "parts of pages are given back", PAGES, "byte ", {"+ FC_PAGE - 1) & ~": ") & ~"}),
    Mutation("pages.h", "errno is lost", PAGES, "errno", {"    errno = error;\n": ""}),
    Mutation("words.h", "as far counts as further", WORDS, "pushed past", AS_FAR),
    Mutation("words.h", "as far counts as further", WORDS_PLAINLY, "pushed past", {"& bits) > n)": "& bits) >= n)"}),
    Mutation("hash.h", "nothing is carried", HASH_BY_HALVES, " * ", {"+ (mid >> 32) +": "+"}),
    Mutation("hash.h", "the low half alone", HASH, " * ", {"(uint64_t)(product >> 64) ^ ": ""}),
    Mutation("equal.h", "the last word is not compared", EQUAL, "not so", LAST_WORD),
    Mutation("equal.h", "the last bytes are not compared", EQUAL, "not so", LAST_BYTES),
    Mutation("equal.h", "-1 has the hash of itself", EQUAL, "hash of -1", {"value == -1 ? -2 : value": "value"}),
    Mutation("ready.h", "a value stays where it was", READY, "are kept", {"    Py_XDECREF(value);\n": ""}),
    Mutation(
        "ready.h", "what is kept is used again", READY, "it was taken", {"return fc_is_unique(stop) &&": "return"}
    ),
]

# AddressSanitizer knows where objects end.
OVER_THE_END = {"memcmp(a, b, n)": "memcmp(a, b, n + 16)"}
WITH_A_GIL = [Mutation("equal.h", "more is compared than there is", EQUAL, "overflow", OVER_THE_END, "address")]

BY_TWO = {
    "((PyObject *)_Py_atomic_exchange_ptr(p, o))": "fc_exchange_plainly((PyObject **)(p), (PyObject *)(o))",
    "static PyObject *fc_spare_stops": """
    static inline PyObject *fc_exchange_plainly(PyObject **p, PyObject *o)
    {
        PyObject *old = *p;
        *p = o;
        return old;
    }
    static PyObject *fc_spare_stops""",
}
DYING = {"if (shared == 0 || shared == _Py_REF_MERGED)": "if (0)"}
NOT_ENABLED = {"&shared, shared | _Py_REF_MAYBE_WEAKREF)": "&shared, shared)"}
OWN = {"fc_relaxed_store(uint32, &o->ob_ref_local, local);": ""}
ANY_BYTES = {"return fc_same_bytes((const char *)stored, (const char *)mine, n) ? FC_YES : FC_NO;": "return FC_YES;"}
FREE_THREADS = [
    Mutation("glimpse.h", "keys are not compared", GLIMPSE, "not so", ANY_BYTES),
    Mutation("glimpse.h", "the dying are taken", GLIMPSE, "died twice", DYING),
    Mutation("glimpse.h", "no leave to try", GLIMPSE, "taken", NOT_ENABLED),
    Mutation("glimpse.h", "a reference of the owner's is not counted", GLIMPSE, "not so", OWN),
    Mutation("ready.h", "two take from one place", READY, RACE, BY_TWO, "thread"),
    # Of a mutex that is not locked; two threads may find out at once, and cut each other's words off.
    Mutation("mutex.h", "nothing is locked", MUTEX._replace(inside=True), "Fatal Python error", NO_LOCK),
    Mutation("seqlock.h", "no odd number", SEQLOCK._replace(inside=True), "not so", NOT_ODD),
    Mutation("shelf.h", "what leaves is freed", SHELF._replace(inside=True), "heap-use-after-free", FREED, "address"),
]
MUTATIONS += FREE_THREADS if FREE_THREADED else WITH_A_GIL
