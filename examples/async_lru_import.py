"""A program written for async-lru, with its import changed.

$ python examples/async_lru_import.py
"""

from __future__ import annotations

import asyncio

from fastcache.compat.alru import alru_cache


class Shop:
    def __init__(self) -> None:
        self.computed = 0

    @alru_cache(maxsize=1000, ttl=60, jitter=5)
    async def price(self, product: int) -> int:
        self.computed += 1
        await asyncio.sleep(0.1)
        return product * 3


async def main() -> None:
    shop = Shop()
    prices = await asyncio.gather(*(shop.price(7) for _ in range(20)))
    print(f"20 calls for the price of {prices[0]}, computed {shop.computed} time")
    print(shop.price.cache_info(), shop.price.cache_invalidate(7))


if __name__ == "__main__":
    asyncio.run(main())
