"""The stores of backends by name: one for all backends of a name, whatever thread made them."""

from __future__ import annotations

from fastcache.compat.backend_store import BackendStore

# Filled by setdefault alone, which is one step.
_stores: dict[tuple[str, str], BackendStore] = {}


def store_named(kind: str, name: str) -> BackendStore:
    """The store of that name among those of one kind of backend."""
    found = _stores.get((kind, name))
    return _stores.setdefault((kind, name), BackendStore()) if found is None else found


def cull(store: BackendStore, key: str, most: int, divisor: int) -> None:
    """Before ``key`` is written: from a store of ``most`` values or more, 1 of ``divisor`` leaves; of 0, all.

    Threads that write at the same time may remove more, or leave as many values more as there are of them.
    """
    held = store.held()
    if held < most or key in store:
        return
    if divisor == 0:
        store.clear()
    else:
        store.evict(held // divisor)


def make_room(store: BackendStore, key: str, most: int | None) -> None:
    """Before ``key`` is written: as much leaves that there will be no more than ``most`` values; None: nothing."""
    if most is not None and store.held() >= most and key not in store:
        store.evict(store.held() - most + 1)
