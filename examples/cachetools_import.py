"""A program written for cachetools, with its import changed.

$ python examples/cachetools_import.py
"""

from __future__ import annotations

import threading
import time

from fastcache.compat import cachetools

prices = cachetools.TTLCache(maxsize=10_000, ttl=60)
computed = 0


@cachetools.cached(prices)
def price(product: int) -> int:
    global computed
    computed += 1
    time.sleep(0.2)
    return product * 3


class Shop:
    def __init__(self) -> None:
        self.cache = cachetools.LRUCache(maxsize=100)

    @cachetools.cachedmethod(lambda self: self.cache, info=True)
    def stock(self, product: int) -> int:
        return product + 1


def main() -> None:
    threads = [threading.Thread(target=price, args=[7]) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"20 calls for the price, computed {computed} time")
    print(prices)
    shop = Shop()
    print(shop.stock(1), shop.stock(1), shop.stock.cache_info())


if __name__ == "__main__":
    main()
