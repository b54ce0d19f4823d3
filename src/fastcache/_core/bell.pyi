from collections.abc import Callable
from typing import final

from fastcache._core.flight import Flight

@final
class Bell:
    def __init__(self, flight: Flight, ring: Callable[[], object], /) -> None: ...
    def leave(self) -> int: ...
    def tell(self) -> None: ...
