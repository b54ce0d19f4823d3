from typing import final

from fastcache._core.residence import Residence, Resident

@final
class Here(Residence): ...

def residents_here() -> set[Resident]: ...
