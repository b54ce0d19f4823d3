"""A FastAPI application whose ``def`` and ``async def`` endpoints share one cache, and with it their loads.

    $ pip install pyfastcache fastapi uvicorn
    $ python examples/fastapi_app.py

Then ask for http://127.0.0.1:8000/async/products/1, for http://127.0.0.1:8000/sync/products/1, and for
http://127.0.0.1:8000/stats to see how often the database was asked.  A ``def`` endpoint runs in a thread, an ``async
def`` one in the event loop; whoever asks first loads, the others wait for that, whichever of the two they are.
"""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, HTTPException

import fastcache
from fastcache.asgi import lifespan

QUERY_SECONDS = 0.2

products: fastcache.Cache[int, dict[str, Any]] = fastcache.Cache(
    10_000,
    ttl=60,
    jitter=5,
    stale_while_revalidate=30,
    stale_if_error=3600,
    negative_ttl=5,  # that there is no such product is remembered, too
)


def row(number: int) -> dict[str, Any]:
    if number < 1:
        raise fastcache.NotFound(number)
    return {"number": number, "name": f"product {number}"}


def query(number: int) -> dict[str, Any]:
    """A database driver that blocks its thread."""
    time.sleep(QUERY_SECONDS)
    return row(number)


async def query_async(number: int) -> dict[str, Any]:
    """One that is awaited."""
    await asyncio.sleep(QUERY_SECONDS)
    return row(number)


# Dependencies may be cached functions of both kinds: their parameters are still those of the request.
@fastcache.cached(ttl=300, jitter=30)
async def exchange_rate(currency: str = "EUR") -> float:
    await asyncio.sleep(QUERY_SECONDS)
    return {"EUR": 1.0, "USD": 1.1}.get(currency, 1.0)


@fastcache.cached(1000, ttl=60)
def discount(customer: str = "anybody") -> float:
    time.sleep(QUERY_SECONDS)
    return 0.2 if customer == "friend" else 0.0


# When the application ends, refreshes under way have a moment to.
app = FastAPI(title="fastcache in FastAPI", lifespan=lifespan(products, exchange_rate, discount))


@app.get("/sync/products/{number}")
def product_in_a_thread(number: int) -> dict[str, Any]:
    try:
        return products.get_or_load(number, query)
    except fastcache.NotFound as error:
        raise HTTPException(404) from error


@app.get("/async/products/{number}")
async def product_in_the_loop(number: int) -> dict[str, Any]:
    try:
        return await products.aget_or_load(number, query_async)
    except fastcache.NotFound as error:
        raise HTTPException(404) from error


@app.get("/price")
async def price(
    rate: Annotated[float, Depends(exchange_rate)], off: Annotated[float, Depends(discount)], amount: float = 100.0
) -> float:
    return round(amount * rate * (1 - off), 2)


@app.get("/stats")
def stats() -> dict[str, int]:
    seen = products.stats()
    return {"hits": seen.hits, "misses": seen.misses, "coalesced": seen.coalesced, "loads": seen.loads}


if __name__ == "__main__":
    uvicorn.run(app)
