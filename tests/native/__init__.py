"""Tests of the native core's private pieces, through a probe that only test builds have."""
