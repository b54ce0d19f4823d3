"""A program written for functools, with its import changed, and what it can have besides.

$ python examples/functools_import.py
"""

from __future__ import annotations

import threading
import time

from fastcache import cache, lru_cache

computed = 0


@cache
def fibonacci(number: int) -> int:
    return number if number < 2 else fibonacci(number - 1) + fibonacci(number - 2)


@lru_cache(maxsize=1000, ttl=60, jitter=5, coalesce=True)
def price(product: int) -> int:
    global computed
    computed += 1
    time.sleep(0.2)
    return product * 3


def main() -> None:
    print(fibonacci(80), fibonacci.cache_info())
    threads = [threading.Thread(target=price, args=[7]) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"20 calls for the price, computed {computed} time")


if __name__ == "__main__":
    main()
