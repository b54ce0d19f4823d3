"""Flask-Caching on fastcache: views and functions that run once for all who ask at the same time.

$ pip install '.[flask]'
$ python examples/flask_app.py            # asks itself a few things, and prints the answers
$ flask --app examples/flask_app.py run
"""

from __future__ import annotations

import threading
import time
from typing import Any

from flask import Flask

from fastcache.flask import Cache

app = Flask(__name__)
app.config.from_mapping(CACHE_TYPE="fastcache.flask.FastCache", CACHE_DEFAULT_TIMEOUT=60, CACHE_THRESHOLD=10_000)
cache = Cache(app)
computed = 0


@app.get("/report")
@cache.cached(60)
def report() -> dict[str, Any]:
    global computed
    computed += 1
    time.sleep(0.2)
    return {"price": price(7)}


@cache.memoize(60)
def price(product: int) -> int:
    return product * 3


def main() -> None:
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(app.test_client().get("/report").json)) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"20 requests for the report, computed {computed} time")
    print(answers[0])


if __name__ == "__main__":
    main()
