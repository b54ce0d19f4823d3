"""Another interpreter of the process is refused with an ImportError that says why, and harms nobody."""

from __future__ import annotations

from tests.harness.child import check_child


def test_a_second_interpreter_is_refused_with_a_sentence_and_the_first_goes_on() -> None:
    check_child(
        """
        import sys
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        import fastcache

        refused = '''
        import sys
        sys.path[:] = {!r}
        try:
            import fastcache
        except ImportError as error:
            assert "interpreter" in str(error), error
        else:
            raise AssertionError("taken in")
        '''.replace("\\n        ", "\\n").format(sys.path)

        cache = fastcache.Cache(10, 60)
        cache["before"] = 1
        for again in range(3):
            # On 3.13 one with a GIL of its own is refused by Python itself.
            made = interpreters.create()
            told = interpreters.run_string(made, refused)
            assert told is None, told
            interpreters.destroy(made)
        print(cache.get_or_load("k", str), cache["before"], cache.flights())
        cache._check()
        """,
        out="k 1 []",
    )
