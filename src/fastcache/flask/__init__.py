"""For Flask-Caching: ``CACHE_TYPE = "fastcache.flask.FastCache"``, and a ``Cache`` that runs each function once.

``from fastcache.flask import Cache`` in the place of ``from flask_caching import Cache``.
"""

from fastcache.flask.backend import FastCache
from fastcache.flask.cache import Cache

__all__ = ["Cache", "FastCache"]
