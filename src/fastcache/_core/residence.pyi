from typing import Protocol, type_check_only

from typing_extensions import disjoint_base

@type_check_only
class Resident(Protocol):
    def lost(self) -> object: ...

@disjoint_base
class Residence:
    @property
    def residents(self) -> set[Resident]: ...
