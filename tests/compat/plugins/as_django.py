"""A pytest plugin: Django is set up as its own runner does it, for the tests of one application."""

from __future__ import annotations

import sys
from pathlib import Path

import django
from django.conf import settings
from django.db import connections

sys.path.insert(0, str(Path("tests").resolve()))
# What of tests/runtests.py and tests/test_sqlite.py the tests of caches need.
settings.configure(
    ALLOWED_HOSTS=["testserver"],
    DATABASES={name: {"ENGINE": "django.db.backends.sqlite3"} for name in ("default", "other")},
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "django.contrib.sites",
        "django.contrib.sessions",
        "django.contrib.messages",
        "cache",
    ],
    LANGUAGE_CODE="en",
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.common.CommonMiddleware"],
    ROOT_URLCONF="urls",
    SECRET_KEY="of the tests",
    SITE_ID=1,
    STATIC_URL="static/",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    USE_TZ=False,
)


def pytest_sessionstart() -> None:
    from django.test.utils import setup_databases, setup_test_environment

    django.setup()
    setup_test_environment()
    setup_databases(0, interactive=False)


def pytest_sessionfinish() -> None:
    for connection in connections.all():
        connection.close()
