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

OTHER_BACKEND = "tests of another backend, or of the choice of one"
LOCMEM = "django.core.cache.backends.locmem.LocMemCache"


def django(version: str, python: tuple[int, int]) -> Suite:
    """All tests of ``tests/cache`` that run on the backend in memory, which is ours by its name in the settings."""
    others = (
        "DummyCacheTests",
        "DBCacheTests",
        "DBCacheWithTimeZoneTests",
        "CreateCacheTableForDBCacheTests",
        "PyLibMCCacheTests",
        "PyMemcacheCacheTests",
        "FileBasedCacheTests",
        "FileBasedCachePathLibTests",
        "RedisCacheTests",
        "CustomCacheKeyValidationTests",
        "CacheClosingTests",
    )
    return Suite(
        f"django-{version.rpartition('.')[0]}",
        f"Django=={version}",
        tests=("tests/cache/tests.py",),
        plugins=("as_django",),
        needs=("tblib",),
        edits={
            "tests/cache/tests.py": {
                LOCMEM: "fastcache.django.FastCache",
                # Ours has one attribute where LocMemCache has two; the test makes aliases share it.
                "._expire_info = cache._expire_info": "._cache = cache._cache",
                # What is left of a life, or None.
                "cache._expire_info[cache_key]": "cache._cache._look(cache_key)[2]",
            }
        },
        deselected={
            **{f"tests/cache/tests.py::{name}": OTHER_BACKEND for name in others},
            "tests/cache/tests.py::LocMemCacheTests::test_locking_on_pickle": (
                "it looks at LocMemCache's lock; `tests/test_django.py` has the same promise"
            ),
            "tests/cache/tests.py::LocMemCacheTests::test_incr_decr_timeout": (
                "it looks at LocMemCache's instants; `tests/test_django.py` has the same promise"
            ),
        },
        python=python,
    )


DJANGO_5 = django("5.2.19", (3, 11))
DJANGO_6 = django("6.1.3", (3, 12))

CACHELIB = Suite(
    "cachelib",
    "cachelib==0.17.0",
    tests=("tests/test_simple_cache.py",),
    plugins=("as_cachelib",),
    needs=("pytest-xprocess",),
)

FLASK_CACHING = Suite(
    "flask-caching",
    "Flask-Caching==2.5.1",
    tests=("tests",),
    plugins=("as_flask_caching",),
    needs=("pytest-xprocess", "asgiref", "blinker"),
    edits={
        # The tests' clock moves ours too.
        "tests/conftest.py": {
            "self.now += seconds": "self.now += seconds; __import__('as_flask_caching').CLOCK.advance(seconds)"
        },
        # What is kept: there a pair with the instant of expiry, here the serializer's bytes.
        "tests/test_serializer.py": {'_cache["hi"][1]': '_cache.get("hi")'},
    },
    deselected={
        **{
            f"tests/{name}": OTHER_BACKEND
            for name in (
                "test_backend_cache.py::TestFileSystemCache",
                "test_backend_cache.py::TestRedisCache",
                "test_backend_cache.py::TestRedisCacheClientsOverride",
                "test_backend_cache.py::TestMemcachedCache",
                "test_backend_cache.py::TestNullCache",
                "test_init.py::test_init_nullcache[FileSystemCache]",
                "test_init.py::test_init_nullcache[MemcachedCache]",
                "test_init.py::test_init_nullcache[NullCache]",
                "test_init.py::test_init_nullcache[RedisCache]",
                "test_init.py::test_init_nullcache[RedisSentinelCache]",
            )
        },
        "tests/test_backend_cache.py::TestSimpleCache::test_purge": (
            "it wants one value more than the threshold; ours never holds more than that"
        ),
    },
)

DOGPILE = Suite(
    "dogpile",
    "dogpile.cache==1.5.0",
    tests=("--pyargs", "dogpile_suites", "tests/cache/test_decorator.py"),
    edits={"tests/cache/test_decorator.py": {"dogpile.cache.memory": "fastcache"}},
    options=("-o", "python_classes=*Test"),
)

FUNCTOOLS = Suite("functools", "", tests=("tests/test_functools.py",), source="CPython")

OLD_FASTCACHE = Suite(
    "fastcache-1.1",
    "fastcache==1.1.0",
    tests=("fastcache/tests",),
    plugins=("as_old_fastcache",),
    options=("--import-mode=importlib",),
)

ALRU_INSIDE = "it looks inside async-lru's wrapper"

ASYNC_LRU = Suite(
    "async-lru",
    "async-lru==2.4.0",
    tests=("tests",),
    plugins=("as_async_lru",),
    needs=("pytest-asyncio>=1",),
    deselected={
        f"tests/{name}": ALRU_INSIDE
        for name in (
            "test_internals.py",
            "test_basic.py::test_alru_cache_dict_not_shared",
            "test_cache_clear.py::test_cache_clear_pending_task",
            "test_cache_clear.py::test_cache_clear_ttl_callback",
            "test_size.py::test_alru_cache_removing_lru_keys",
            "test_size.py::test_alru_cache_removing_lru_keys_with_full_displacement",
        )
    }
    | {
        "tests/test_ttl.py::test_ttl_with_jitter_basic": (
            "it says what async-lru's random number is to be; `tests/test_alru.py` has the same promise"
        )
    },
    options=("-o", "asyncio_mode=auto"),
)

OWN = Suite(
    "fastcache",
    "",
    tests=(
        "tests/test_cachetools.py",
        "tests/test_django.py",
        "tests/test_flask.py",
        "tests/test_dogpile.py",
        "tests/test_examples.py",
    ),
    needs=("async-lru==2.4.0", "cachetools==8.0.2", "Django==5.2.19", "Flask-Caching==2.5.1", "dogpile.cache==1.5.0"),
)

SUITES = (FUNCTOOLS, OLD_FASTCACHE, CACHETOOLS, ASYNC_LRU, DJANGO_5, DJANGO_6, FLASK_CACHING, CACHELIB, DOGPILE, OWN)
