"""A Django cache backend: ``CACHES = {"default": {"BACKEND": "fastcache.django.FastCache"}}``."""

from fastcache.django.backend import FastCache

__all__ = ["FastCache"]
