from typing_extensions import disjoint_base

@disjoint_base
class Tag: ...

@disjoint_base
class TagSet:
    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def etag(self) -> object: ...

@disjoint_base
class TagRegistry: ...
