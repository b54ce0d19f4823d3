"""Django on fastcache, in one file: a cached view, a counter, and a value that is computed once for all who ask.

$ pip install '.[django]'
$ python examples/django_app.py           # asks itself a few things, and prints the answers
$ python examples/django_app.py runserver
"""

from __future__ import annotations

import sys
import threading
import time

from django.conf import settings
from django.core.cache import cache
from django.core.management import execute_from_command_line
from django.http import HttpRequest, JsonResponse
from django.test import Client
from django.urls import path
from django.views.decorators.cache import cache_page

settings.configure(
    ALLOWED_HOSTS=["*"],
    CACHES={"default": {"BACKEND": "fastcache.django.FastCache", "TIMEOUT": 60, "OPTIONS": {"MAX_ENTRIES": 10_000}}},
    DEBUG=False,
    ROOT_URLCONF=__name__,
    SECRET_KEY="of the example",
)

computed = 0


def slow_report() -> dict[str, int]:
    global computed
    computed += 1
    time.sleep(0.2)
    return {"rows": 42}


def report(request: HttpRequest) -> JsonResponse:
    """However many ask at once, the report is made once."""
    return JsonResponse(cache.get_or_set("report", slow_report, 60))


@cache_page(60)
def hello(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"hello": cache.get_or_set("visits", 0)})


async def visit(request: HttpRequest) -> JsonResponse:
    """The cache's async methods start no thread."""
    await cache.aadd("visits", 0)
    return JsonResponse({"visits": await cache.aincr("visits")})


urlpatterns = [path("report", report), path("hello", hello), path("visit", visit)]


def main() -> None:
    import django

    django.setup()
    threads = [threading.Thread(target=lambda: Client().get("/report")) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"20 requests for the report, computed {computed} time")
    print([Client().get("/visit").json()["visits"] for _ in range(3)])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        execute_from_command_line([*sys.argv, "--noreload"])
    else:
        main()
