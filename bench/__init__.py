"""Measurements of fastcache beside what Python itself offers."""
