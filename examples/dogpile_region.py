"""dogpile.cache on fastcache: a region whose values leave when they are old, and never outgrow the memory.

$ pip install '.[dogpile]'
$ python examples/dogpile_region.py
"""

from __future__ import annotations

import threading
import time

from dogpile.cache import make_region

# dogpile serves nothing older than 60 s; the backend gives its memory back.
region = make_region().configure("fastcache", expiration_time=60, arguments={"maxsize": 10_000, "ttl": 60})
computed = 0


@region.cache_on_arguments()
def report(number: int) -> str:
    global computed
    computed += 1
    time.sleep(0.2)
    return f"report {number}"


def main() -> None:
    threads = [threading.Thread(target=report, args=[7]) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"20 calls for the report, computed {computed} time")
    print(report(7))


if __name__ == "__main__":
    main()
