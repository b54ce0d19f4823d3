from typing import Any, Protocol

from typing_extensions import disjoint_base

class Resident(Protocol):
    def lost(self) -> object: ...

@disjoint_base
class Residence:
    @property
    def residents(self) -> set[Resident]: ...
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
