from contextvars import ContextVar

from fastcache._core.flight import Flight

loading_task: ContextVar[Flight | None]

def admitted_here(bulkhead: object, /) -> int: ...
def task_loads(flight: Flight, /) -> None: ...
