"""pytest's fixtures for programs that use fastcache.

pytest imports this early in each of its runs, whether fastcache is used there or not.  So it stands beside the package
and imports it only within a fixture: that costs no time before, and the package is still to be imported when coverage
begins to be measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fastcache.testing import MovableClock

# Seconds that a load has to end after the test.
PATIENCE = 1.0


@pytest.fixture
def movable_clock() -> MovableClock:
    """A clock for ``Cache(clock=...)`` that stands still until the test moves it."""
    from fastcache.testing import MovableClock

    return MovableClock()


@pytest.fixture
def clean_caches() -> Iterator[None]:
    """All caches of the process are empty before the test and after it.

    The test fails if a load is still under way a second after it.
    """
    from fastcache.testing import assert_no_flights, clear_all

    clear_all()
    yield
    try:
        assert_no_flights(PATIENCE)
    finally:
        clear_all()
