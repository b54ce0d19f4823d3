"""The examples do what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.child import run_child

EXAMPLES = Path(__file__).parents[1] / "examples"
NEEDS = {
    "django_app": "django",
    "flask_app": "flask_caching",
    "dogpile_region": "dogpile.cache",
    "cachetools_import": "",
    "functools_import": "",
    "async_lru_import": "",
}
PRINTED = {
    "django_app": "20 requests for the report, computed 1 time\n[1, 2, 3]",
    "flask_app": "20 requests for the report, computed 1 time\n{'price': 21}",
    "dogpile_region": "20 calls for the report, computed 1 time\nreport 7",
    "cachetools_import": (
        "20 calls for the price, computed 1 time\n"
        "TTLCache({(7,): 21}, maxsize=10000, currsize=1)\n"
        "2 2 CacheInfo(hits=1, misses=1, maxsize=100, currsize=1)"
    ),
    "functools_import": (
        "23416728348467685 CacheInfo(hits=78, misses=81, maxsize=None, currsize=81)\n"
        "20 calls for the price, computed 1 time"
    ),
    "async_lru_import": (
        "20 calls for the price of 21, computed 1 time\nCacheInfo(hits=19, misses=1, maxsize=1000, currsize=1) True"
    ),
}

pytestmark = pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the examples are not here")


def test_every_example_is_tested() -> None:
    # The last by tests/test_fastapi.py, over HTTP.
    assert sorted(path.stem for path in EXAMPLES.glob("*.py")) == sorted([*NEEDS, "fastapi_app"])


@pytest.mark.parametrize("name", sorted(NEEDS))
def test_the_example_prints_what_it_should(name: str) -> None:
    if NEEDS[name]:
        pytest.importorskip(NEEDS[name])
    # Warnings of the frameworks' own are theirs.
    child = run_child(
        "import runpy, sys; runpy.run_path(sys.argv.pop(1), run_name='__main__')",
        str(EXAMPLES / f"{name}.py"),
        options=(),
    )
    assert (child.code, child.out.strip()) == (0, PRINTED[name]), child.err
