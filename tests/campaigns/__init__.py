"""Searches that find more the longer they run: seconds of each in the suite, minutes or hours by `make campaign`.

One file is one campaign: every module here without an underscore defines ``CAMPAIGN``.
"""
