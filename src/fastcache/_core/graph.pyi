from contextvars import ContextVar

from fastcache._core.flight import Flight

loading_task: ContextVar[Flight | None]

def holds_place(bulkhead: object, /) -> bool: ...
def task_loads(flight: Flight, /) -> None: ...
