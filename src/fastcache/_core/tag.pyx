"""Names that entries bear, so that all who bear one can be invalidated in one step.

A registry finds tags by name.  One that no set holds any more is forgotten after a while; what is remembered of all
these together is the last invalidation of any, which a tag that is made anew starts with.  That can only make a load
that was under way then be thrown away without need, never kept wrongly.

A tag is retired before it is forgotten: who is about to bear one looks whether it was, after counting himself among
its bearers, and then asks for the name again.
"""

cimport cython
from libc.stdint cimport int64_t

from fastcache._core.expiries cimport Expiries, expiries_add
from fastcache._core.mutex cimport (
    atomic_add, atomic_load, atomic_store, atomic_swap_if, mutex_lock, mutex_unlock, pointer_publish, raise_to,
)
from fastcache._core.py cimport raw_alloc, raw_free, raw_zeroed

cdef enum:
    # Names that are kept whether anybody bears them or not.
    LEAST_ROOM = 64


cdef inline void note(TagState* state, int64_t number, bint soft, int64_t now) noexcept nogil:
    if soft:
        raise_to(&state.expired_at, now)
        raise_to(&state.expired, number)
    else:
        raise_to(&state.removed, number)


cdef inline bint note_expiry(TagState* state, int64_t number, int64_t now, int64_t keep) noexcept nogil:
    """Notes another expiry beside those before it; the caller holds the registry's lock.  False: memory is out."""
    cdef int64_t last = state.expired
    cdef Expiries* past = state.past
    if last != 0:
        if past == NULL:
            past = <Expiries*>raw_zeroed(1, sizeof(Expiries))
            if past == NULL:
                return False
            pointer_publish(<void**>&state.past, past)
        if number < last:
            # Its thread took the number first, and came last.
            expiries_add(past, number, now, now, keep)
        else:
            expiries_add(past, last, state.expired_at, now, keep)
    note(state, number, True, now)
    return True


cdef str checked_name(object tag):
    """A tag as callers give it; TypeError names the parameter and the value."""
    if not isinstance(tag, str):
        raise TypeError(f"tag must be a str, not {tag!r}")
    return str(tag)


# There is but one empty tuple.
cdef tuple NO_NAMES = ()


cdef tuple checked_names(object tags):
    """Tags as callers give them: one str or several; TypeError names the parameter and the value."""
    if tags is NO_NAMES:
        return NO_NAMES
    if isinstance(tags, str):
        return (str(tags),)
    try:
        names = tuple(tags)
    except TypeError:
        raise TypeError(f"tags must be a str or several, not {tags!r}") from None
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"tags must be str, not {name!r} among {tags!r}")
    return tuple(dict.fromkeys(map(str, names)))


cdef class Tag:
    def __dealloc__(self):
        raw_free(self.state.past)


# While it exists its marks are followed, so the collector may not take its tags away first.
@cython.no_gc_clear
cdef class TagSet:
    def __dealloc__(self):
        cdef int i
        for i in range(self.marks.count):
            atomic_add(&self.marks.of[i].bearers, -1)
        raw_free(self.marks.of)


cdef class TagRegistry:
    def __cinit__(self):
        self.known = {}
        self.room = LEAST_ROOM

    cdef Tag bear(self, str name):
        """The tag of that name, with one more bearer."""
        cdef Tag tag
        while True:
            tag = self.known.get(name)
            if tag is None:
                tag = Tag.__new__(Tag)
                tag.state.removed = atomic_load(&self.nameless.removed)
                tag.state.expired_at = atomic_load(&self.nameless.expired_at)
                tag.state.expired = atomic_load(&self.nameless.expired)
                tag = self.known.setdefault(name, tag)
            atomic_add(&tag.state.bearers, 1)
            # Adding nothing is a read that cannot come before the one above.
            if not atomic_add(&tag.state.retired, 0):
                return tag
            atomic_add(&tag.state.bearers, -1)

    cdef TagSet set_of(self, tuple names, object etag):
        cdef TagSet made = TagSet.__new__(TagSet)
        cdef Tag tag
        made.names = names
        made.etag = etag
        made.tags = []
        if names:
            made.marks.of = <TagState**>raw_alloc(len(names) * sizeof(TagState*))
            if made.marks.of == NULL:
                raise MemoryError()
        for name in names:
            tag = self.bear(name)
            made.marks.of[made.marks.count] = &tag.state
            made.marks.count += 1
            made.tags.append(tag)
        if len(self.known) > self.room:
            self.retire()
        return made

    cdef int invalidate(self, str name, int64_t number, bint soft, int64_t now, int64_t keep) except -1:
        cdef Tag tag = self.known.get(name)
        cdef bint noted = True
        if tag is not None and soft:
            mutex_lock(self.expiring)
            noted = note_expiry(&tag.state, number, now, keep)
            mutex_unlock(self.expiring)
        elif tag is not None:
            note(&tag.state, number, False, now)
        if not noted:
            raise MemoryError()
        # Looked at afterwards: who retires it reads its numbers afterwards too.
        if tag is None or atomic_add(&tag.state.retired, 0):
            note(&self.nameless, number, soft, now)
        return 0

    cdef int retire(self) except -1:
        """Forgets tags that nobody bears."""
        cdef Tag tag
        for name, found in list(self.known.items()):
            tag = found
            if atomic_load(&tag.state.bearers):
                continue
            # Only one who retires it may take its name: another's would be that of a tag made since.
            if not atomic_swap_if(&tag.state.retired, 0, 1):
                continue
            if atomic_add(&tag.state.bearers, 0):
                atomic_store(&tag.state.retired, 0)
                continue
            note(&self.nameless, atomic_load(&tag.state.removed), False, 0)
            note(&self.nameless, atomic_load(&tag.state.expired), True, atomic_load(&tag.state.expired_at))
            self.known.pop(name, None)
        self.room = max(<Py_ssize_t>LEAST_ROOM, 2 * len(self.known))
        return 0
