"""The tools of the tests."""
