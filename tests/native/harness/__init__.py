"""Programs in C that drive the core's headers with threads: alone, so that a sanitizer sees all, or in the interpreter.

``python -m tests.native.harness`` builds and runs them; ``test_harness.py`` does so in short.
"""
