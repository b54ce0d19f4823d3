from typing import Any

from typing_extensions import disjoint_base

@disjoint_base
class Flight:
    @property
    def task(self) -> Any: ...
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
