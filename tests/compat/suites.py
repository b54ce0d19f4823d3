"""The suites that ``make compat`` runs."""

from __future__ import annotations

from tests.compat.suite import Suite

NO_LFU_OR_RR = (
    "`LFUCache`, `RRCache` and their decorators are not offered: a count of uses, or a choice among all keys, would "
    "need a structure of its own to be kept by every hit"
)

CACHETOOLS = Suite(
    "cachetools",
    "cachetools==8.0.2",
    tests=("tests",),
    plugins=("as_cachetools",),
    deselected={
        "tests/test_lfu.py::LFUCacheTest": NO_LFU_OR_RR,
        "tests/test_rr.py::RRCacheTest": NO_LFU_OR_RR,
        "tests/test_func.py::LFUDecoratorTest": NO_LFU_OR_RR,
        "tests/test_func.py::RRDecoratorTest": NO_LFU_OR_RR,
        "tests/test_ttl.py::TTLCacheTest::test_ttl_copy": (
            "it asks for the order of insertion after an item was evicted; here a new item takes the place of the one "
            "that left, which spares each item a sequence number"
        ),
    },
)

SUITES = (CACHETOOLS,)
