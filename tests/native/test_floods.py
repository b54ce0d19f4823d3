"""Keys that somebody has chosen to share a place in the index, or a stripe, are spread like any others."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from fastcache import Cache
from tests.harness.child import check_child

probe = pytest.importorskip("tests.native.probe", reason="built without FASTCACHE_PROBE=1")

COUNT = 400
MASK = 2**64 - 1


def unsalted(number: int, salt: int) -> int:
    """The mixed hash of a small int, for who knows the salt."""
    product = ((number ^ salt) & MASK) * 0xE7037ED1A0B428DB
    spread = (product >> 64 ^ product) & MASK
    return spread if spread & 0xFF000000 else spread | 0x01000000


def sharing(salt: int, what: str) -> Iterator[int]:
    """Ints that share the first 64 of 65,536 places of an index, or a stripe."""
    draw = random.Random(7)
    while True:
        number = draw.getrandbits(60)
        hashed = unsalted(number, salt)
        if what == "stripe" and hashed >> 54 == 5:
            yield number
        low = hashed & 0xFFFFFFFF
        if what == "place" and (low << 5 | low >> 27) & 0xFFC0 == 0:
            yield number


def mean_cost(cache: Cache[Any, Any], keys: list[int]) -> float:
    """Words of the index that a hit looks at; the cache has one stripe, as with exact lru it always has."""
    cache.update(dict.fromkeys(keys))
    return sum(1 + probe.pushed(cache, key) for key in keys) / len(keys)


def test_the_means_of_these_tests_find_keys_that_share() -> None:
    salt = probe.salt_of_keys()
    draw = random.Random(8)
    keys = [draw.getrandbits(60) for _ in range(COUNT)]
    assert [probe.mixed_hash(key) for key in keys] == [unsalted(key, salt) for key in keys]
    spread = mean_cost(Cache(30_000, policy="lru"), keys)
    assert mean_cost(Cache(30_000, policy="lru"), list(islice(sharing(salt, "place"), COUNT))) > 10 * spread
    cache: Cache[Any, Any] = Cache(10**6)
    assert len({probe.stripe_number(cache, key) for key in islice(sharing(salt, "stripe"), COUNT)}) == 1


@pytest.mark.parametrize("salt", [0, 0xA0761D6478BD642F])
def test_who_does_not_know_the_salt_cannot_make_them_share(salt: int) -> None:
    draw = random.Random(9)
    spread = mean_cost(Cache(30_000, policy="lru"), [draw.getrandbits(60) for _ in range(COUNT)])
    assert mean_cost(Cache(30_000, policy="lru"), list(islice(sharing(salt, "place"), COUNT))) < 3 * spread
    cache: Cache[Any, Any] = Cache(10**6)
    stripes = Counter(probe.stripe_number(cache, key) for key in islice(sharing(salt, "stripe"), COUNT))
    assert max(stripes.values()) < COUNT / 4


def test_each_process_has_a_salt_of_its_own_as_its_strs_have() -> None:
    snippet = "import os, sys; from tests.native import probe; print(probe.salt_of_keys())"
    check_child(
        f"""
        import os, subprocess, sys

        def salt(seed):
            return subprocess.check_output(
                [sys.executable, "-c", {snippet!r}], env={{**os.environ, "PYTHONHASHSEED": seed}}
            )

        print(salt("random") != salt("random"), salt("5") == salt("5") != salt("6"))
        """,
        out="True True",
    )
