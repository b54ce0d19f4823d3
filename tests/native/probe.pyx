"""A Python window on the core's private pieces, for tests only."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastcache._core.clock cimport ClockReader, clock_coarse, clock_exact, clock_lag, clock_reader
from fastcache._core.core cimport core_stripe, core_stripe_at, core_stripe_number
from fastcache._core.entry cimport (
    Entry, Extra, entry_age, entry_due_at, entry_expires_at, entry_extend, entry_extra, entry_set_times, entry_trim,
    entry_value, entry_written_at,
)
from fastcache._core.evict cimport (
    ADAPTIVE, FIFO, LRU, Order, order_add, order_check, order_drop, order_free, order_init, order_reserve, order_touch,
    order_victim,
)
from fastcache._core.expiries cimport Expiries, expiries_add, expiries_first
from fastcache._core.glimpse cimport py_readable
from fastcache._core.index cimport EMPTY, SLOT, home
from fastcache._core.jitter cimport random_below, random_next, random_seeded
from fastcache._core.key cimport draw_salt, key_equal, key_hash, salt, tagged
from fastcache._core.ledger cimport VACANT
from fastcache._core.mutex cimport FREE_READS
from fastcache._core.probe cimport Probe, probe_end, probe_settle, probe_start
from fastcache._core.py cimport ALWAYS, FOREVER, py_decref, py_incref, py_tuple_items, py_tuple_length, raw_free, steal
from fastcache._core.reader cimport reader_find, reader_take
from fastcache._core.seqlock cimport close_reads, read_allowed, read_begin
from fastcache._core.shelf cimport shelf_bytes
from fastcache._core.store cimport Store
from fastcache._core.stripe cimport Stripe
from fastcache._core.table cimport (
    DOUBT, FOUND, NO_SLOT, Search, Table, table_check, table_entry, table_find, table_free, table_init, table_insert,
    table_peek, table_rebuild, table_remove,
)

draw_salt()

cdef tuple AGES = ("fresh", "due", "stale", "fallback", "expired")
cdef tuple EQUALITIES = ("no", "yes", "ask")

forever = FOREVER
always = ALWAYS
# Whether reads go without locks in this build.
free_reads = bool(FREE_READS)

cdef extern from *:
    """
    static void fc_foreign_free(void *memory) { PyObject_Free(memory); }
    """
    void foreign_free "fc_foreign_free"(void*) noexcept

cdef extern from "Python.h":
    ctypedef struct Freeing "PyTypeObject":
        void (*tp_free)(void*) noexcept


cdef class ExpiriesProbe:
    """The earlier expiries of a tag; for one writer and any number of readers."""
    cdef Expiries past

    def add(self, int64_t number, int64_t instant, int64_t now, int64_t keep):
        expiries_add(&self.past, number, instant, now, keep)

    def first(self, int64_t number):
        cdef int64_t instant = expiries_first(&self.past, number)
        return None if instant == FOREVER else instant


cdef class TableProbe:
    """A table and the order of its values, with hashes of the caller's choice; for one thread."""
    cdef Table table
    cdef Order order

    def __cinit__(self, str policy="adaptive"):
        if not table_init(&self.table):
            raise MemoryError()
        order_init(&self.order, LRU if policy == "lru" else FIFO if policy == "fifo" else ADAPTIVE)

    def __dealloc__(self):
        cdef uint32_t slot
        cdef Entry* e
        for slot in range(self.table.fresh):
            e = table_entry(&self.table, slot)
            if e.key != NULL:
                py_decref(e.key)
                py_decref(entry_value(e))
        table_free(&self.table)
        order_free(&self.order)

    def __len__(self):
        return self.table.used

    @property
    def chunks(self):
        """(chunks that have memory, chunks given back amid others)."""
        cdef uint32_t number, vacant = 0
        cdef uint32_t last = (self.table.room + 511) // 512
        for number in range(last):
            vacant += self.table.ledger.of[number].free_slot == VACANT
        return last - vacant, vacant

    @property
    def sizes(self):
        """(words of the index, entries, slots ever used, slots that have memory)."""
        return self.table.mask + 1, self.table.used, self.table.fresh, self.table.room

    cdef Entry* entry(self, uint32_t slot) except NULL:
        cdef Entry* e = table_entry(&self.table, slot) if slot < self.table.fresh else NULL
        if e == NULL or e.key == NULL:
            raise IndexError(slot)
        return e

    def find(self, key, uint64_t hash):
        """The slot of an equal key, or None; asks keys whose equality only they know."""
        cdef uint32_t slot = NO_SLOT
        cdef Search found
        cdef Probe p
        probe_start(&p, <PyObject*>key, tagged(hash))
        try:
            while True:
                found = table_find(&self.table, &p, &slot)
                if found != DOUBT:
                    return slot if found == FOUND else None
                probe_settle(&p)
        finally:
            probe_end(&p)

    def peek(self, key, uint32_t hash):
        """The slot of a key that is equal beyond doubt, or None."""
        cdef uint32_t slot = NO_SLOT
        return None if table_peek(&self.table, <PyObject*>key, <uint32_t>tagged(hash), &slot) == NULL else slot

    def insert(self, key, uint32_t hash, value=None):
        """Adds a key that is absent, with a value; its slot."""
        cdef uint32_t slot = table_insert(&self.table, <uint32_t>tagged(hash))
        cdef Entry* e
        if slot == NO_SLOT or not order_reserve(&self.order, &self.table, slot):
            raise MemoryError()
        e = table_entry(&self.table, slot)
        py_incref(<PyObject*>key)
        py_incref(<PyObject*>value)
        e.key = <PyObject*>key
        e.content = <PyObject*>value
        order_add(&self.order, &self.table, e, slot)
        return slot

    def remove(self, uint32_t slot):
        """Takes an entry out; its (key, value)."""
        cdef Entry* e = self.entry(slot)
        cdef PyObject* key = e.key
        cdef PyObject* value = entry_value(e)
        pair = <object>key, <object>value
        order_drop(&self.order, e, slot)
        table_remove(&self.table, slot)
        py_decref(key)
        py_decref(value)
        return pair

    def pair(self, uint32_t slot):
        cdef Entry* e = self.entry(slot)
        return <object>e.key, <object>entry_value(e)

    def marks(self, uint32_t slot):
        return self.entry(slot).marks

    def touch(self, uint32_t slot):
        order_touch(&self.order, self.entry(slot), slot)

    def victim(self):
        """The slot whose value would leave next; the table is not empty."""
        if self.table.used == 0:
            raise IndexError("empty")
        return order_victim(&self.order, &self.table, NO_SLOT)

    def rebuild(self):
        if not table_rebuild(&self.table):
            raise MemoryError()

    def check(self):
        """What is wrong, or None."""
        cdef const char* wrong = table_check(&self.table)
        if wrong == NULL:
            wrong = order_check(&self.order, &self.table, self.table.used)
        return None if wrong == NULL else wrong.decode()


cdef class ReadProbe:
    """One read without a lock, step by step."""
    cdef Store store
    cdef object key
    cdef Stripe* stripe
    cdef Entry* entry
    cdef uint64_t hash
    cdef uint64_t sequence

    def __init__(self, Store store not None, key):
        self.store = store
        self.key = key
        self.hash = key_hash(<PyObject*>key)
        self.stripe = core_stripe(&store.core, self.hash)

    def begin(self):
        """Whether the read may go on."""
        self.entry = NULL
        self.sequence = read_begin(&self.stripe.lock)
        return bool(read_allowed(self.sequence))

    def find(self):
        """Whether there is such a key."""
        self.entry = reader_find(self.stripe, self.sequence, <PyObject*>self.key, NULL, 0, <uint32_t>self.hash, 0)
        return self.entry != NULL

    def find_items(self):
        """The same by the items of a tuple alone."""
        cdef PyObject* key = <PyObject*>self.key
        self.entry = reader_find(
            self.stripe, self.sequence, NULL, py_tuple_items(key), py_tuple_length(key), <uint32_t>self.hash, 0,
        )
        return self.entry != NULL

    def take(self, int64_t ceiling=0):
        """The value, or None."""
        cdef PyObject* value = NULL
        if self.entry != NULL:
            value = reader_take(self.stripe, self.sequence, self.entry, ceiling)
        return None if value == NULL else steal(value)


def stripes(Store store not None):
    """How many there are."""
    return store.core.stripe_count


def stripe_number(Store store not None, key):
    """Which stripe a key belongs to."""
    return core_stripe_number(&store.core, key_hash(<PyObject*>key))


def pushed(Store store not None, key):
    """How many words of its index lie between the home of a key and the word of its entry; -1 without one."""
    cdef uint64_t hash = key_hash(<PyObject*>key)
    cdef Table* t = &core_stripe(&store.core, hash).table
    cdef uint32_t start = home(<uint32_t>hash)
    cdef uint32_t length = 0
    cdef uint32_t word
    while length <= t.mask:
        word = t.index[(start + length) & t.mask]
        if word == EMPTY:
            return -1
        if table_entry(t, (word & SLOT) - 1).key == <PyObject*>key:
            return length
        length += 1
    return -1


cdef class Foreign:
    """An object whose memory might not be CPython's, as far as its type tells."""


(<Freeing*>Foreign).tp_free = foreign_free


def readable(o, /):
    """Whether readers without a lock may meet an object."""
    return bool(py_readable(<PyObject*>o))


def close_to_readers(Store store not None):
    for number in range(store.core.stripe_count):
        close_reads(&core_stripe_at(&store.core, number).lock)


def shelved(Store store not None):
    """Bytes set aside, since readers might still look at them."""
    return sum(shelf_bytes(&core_stripe_at(&store.core, number).table.shelf)
               for number in range(store.core.stripe_count))


cdef class RandomProbe:
    cdef uint64_t state

    def __init__(self, uint64_t seed, uint64_t stream=0):
        self.state = random_seeded(seed, stream)

    @property
    def state(self):
        return self.state

    def next(self):
        return random_next(&self.state)

    def below(self, int64_t bound):
        if bound <= 0:
            raise ValueError(bound)
        return random_below(&self.state, bound)


def salt_of_keys():
    """What the hashes of this process are mixed with."""
    return salt


def mixed_hash(key, /):
    return key_hash(<PyObject*>key)


def equality(a, b, /):
    return EQUALITIES[<int>key_equal(<PyObject*>a, <PyObject*>b)]


def age(int64_t now, *, int64_t due_at, int64_t expires_at, int64_t stale_window=0, int64_t error_window=0):
    cdef Entry e
    e.has_extra = False
    entry_set_times(&e, 0, due_at, expires_at)
    return AGES[<int>entry_age(&e, now, stale_window, error_window)]


def times(int64_t written_at, int64_t due_at, int64_t expires_at):
    """(written_at, due_at, expires_at) as an entry tells them after it was given these."""
    cdef Entry e
    e.has_extra = False
    entry_set_times(&e, written_at, due_at, expires_at)
    return entry_written_at(&e), entry_due_at(&e), entry_expires_at(&e)


def extended(object value, int64_t due_at, int64_t retry_at):
    """An entry given an Extra, then trimmed: (due for the fast path, value, due_at, extra left, due_at at last)."""
    cdef Extra* spare = NULL
    cdef Entry e
    cdef Extra* x
    e.content = <PyObject*>value
    e.has_extra = False
    entry_set_times(&e, 0, due_at, due_at)
    x = entry_extend(&e, &spare)
    if x == NULL:
        raise MemoryError()
    seen = e.due_at, <object>entry_value(&e), x.due_at
    x.retry_at = retry_at
    entry_trim(&e, &spare)
    left = bool(e.has_extra)
    last = e.due_at
    if left:
        raw_free(entry_extra(&e))
    raw_free(spare)
    return (*seen, left, last)


def clock_readings():
    """(coarse, exact, lag), read in this order."""
    cdef int64_t coarse = clock_coarse(clock_reader())
    return coarse, clock_exact(), clock_lag()


def clock_extremes(int64_t readings):
    """Of exact - coarse over many readings, coarse first and exact first: (the least, the most)."""
    cdef int64_t least = FOREVER, most = -FOREVER
    cdef int64_t coarse, behind
    # Found once, as in a core.
    cdef ClockReader reader = clock_reader()
    for _ in range(readings):
        # The exact clock last: it can only be later.
        coarse = clock_coarse(reader)
        behind = clock_exact() - coarse
        if behind < least:
            least = behind
        if behind > most:
            most = behind
    return least, most
