"""Copies of exceptions, which all but a load's leader raise: they say what the original says."""

from __future__ import annotations

from typing import Any

import pytest

from fastcache import NotFound
from fastcache._errors import cached_copy, copied, remembered


def an_attribute_error() -> AttributeError:
    try:
        object().missing  # noqa: B018 - raises
    except AttributeError as error:
        return error
    raise AssertionError


class SlottedError(Exception):
    __slots__ = ("code", "unset")

    def __init__(self) -> None:
        super().__init__("slotted")
        self.code = None


EVERYDAY = [
    ValueError("bad", 5),
    KeyError("k"),
    ConnectionError("down"),
    TimeoutError(),
    OSError(2, "no such file"),
    FileNotFoundError(2, "no such file", "name"),
    OSError(18, "cross-device", "a", None, "b"),
    BlockingIOError(11, "again", 3),
    ImportError("no module", name="m", path="p"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad byte"),
    SyntaxError("bad", ("file", 1, 2, "text", 1, 3)),
    StopIteration(5),
    NotFound("k"),
    ExceptionGroup("several", [ValueError(1)]),
    an_attribute_error(),
    SlottedError(),
]


@pytest.mark.parametrize("error", EVERYDAY, ids=repr)
@pytest.mark.parametrize("copy", [copied, lambda error: cached_copy(error, 1.5), remembered])
def test_a_copy_says_what_the_original_says(error: Exception, copy: Any) -> None:
    twin = copy(error)
    assert twin is not error
    assert (type(twin), str(twin), twin.args) == (type(error), str(error), error.args)
    names = ("errno", "strerror", "filename", "filename2", "characters_written", "name", "path", "obj", "value", "msg")
    for name in (*names, "lineno", "text", "code", "exceptions", "start", "reason"):
        assert getattr(twin, name, "absent") == getattr(error, name, "absent"), name


def test_a_slot_that_was_not_set_is_not_set_in_the_copy() -> None:
    twin = copied(SlottedError())
    assert twin.code is None
    assert not hasattr(twin, "unset")


def test_a_copy_has_the_notes_and_its_own_list_of_them() -> None:
    error = ValueError("bad")
    error.add_note("while loading")
    twin = copied(error)
    twin.add_note("later")
    assert (twin.__notes__, error.__notes__) == (["while loading", "later"], ["while loading"])


def test_the_original_is_the_cause_of_a_copy_but_not_of_what_is_kept() -> None:
    error = ConnectionError("down")
    assert copied(error).__cause__ is error
    assert (remembered(error).__cause__, remembered(error).__traceback__) == (None, None)


def test_what_was_kept_is_told_by_its_attributes() -> None:
    kept: Any = cached_copy(ConnectionError("down"), 1.5)
    assert (kept.cached, kept.retry_in) == (True, 1.5)
    assert not {"cached", "retry_in"} & vars(copied(ConnectionError("down"))).keys()
