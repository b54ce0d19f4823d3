"""Keys: equality as far as it is certain without Python, and hashes spread over all bits."""

import sys

import pytest

probe = pytest.importorskip("tests.native.probe", reason="built without FASTCACHE_PROBE=1")


class Text(str):
    __slots__ = ()


def fresh(key):
    """An equal string or tuple that is another object."""
    return "".join(list(key)) if isinstance(key, str) else (*key,)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (fresh("text"), fresh("text")),
        (fresh("t" * 17), fresh("t" * 17)),
        (fresh("grün"), fresh("grün")),
        (fresh("Ω≈"), fresh("Ω≈")),
        (fresh("🦊🦔"), fresh("🦊🦔")),
        (int("1" + "0" * 30), int("1" + "0" * 30)),
        (int("300"), int("300")),
        (b"".join([b"by", b"tes"]), b"".join([b"byte", b"s"])),
        (float("1.5"), float("1.5")),
        (0.0, -0.0),
        ((1, "a", fresh("bc")), (1, "a", fresh("bc"))),
        ((), ()),
        (None, None),
    ],
)
def test_plain_keys_are_known_equal(a, b):
    assert probe.equality(a, b) == "yes"


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("text", "texts"),
        ("text", "tent"),
        ("te", "tΩ"),
        ("te", "tü"),
        (300, 301),
        (-1, -2),
        (b"a", b"b"),
        (b"a", b"aa"),
        (1.5, 2.5),
        (float("nan"), float("nan")),
        ((1, 2), (1, 3)),
        ((1, 2), (1, 2, 3)),
    ],
)
def test_plain_keys_are_known_unequal(a, b):
    assert probe.equality(a, b) == "no"


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1, True),
        (1, 1.0),
        ("a", Text("a")),
        (Text("a"), "a"),
        (object(), object()),
        ((1,), (1.0,)),
        (((1,),), (fresh((1,)),)),
        ("a", b"a"),
    ],
)
def test_all_else_is_left_to_python(a, b):
    assert probe.equality(a, b) == "ask"


def test_an_object_equals_itself_whatever_it_says():
    nan = float("nan")
    assert [probe.equality(nan, nan), probe.equality((nan,), (nan,))] == ["yes", "yes"]


def test_equal_keys_have_equal_hashes():
    assert probe.mixed_hash(1) == probe.mixed_hash(1.0) == probe.mixed_hash(True)
    assert probe.mixed_hash("a") == probe.mixed_hash(Text("a"))


def test_neighbouring_ints_spread_over_all_bits():
    hashes = [probe.mixed_hash(n) for n in range(4096)]
    ones = [sum(hashed >> bit & 1 for hashed in hashes) for bit in range(64)]
    assert min(ones) > 1800
    assert max(ones) < 2300


@pytest.mark.parametrize("step", [1, 64, 1 << 20, 1 << 32, 1 << 56])
def test_steps_of_ints_fill_stripes_evenly(step):
    stripes = [0] * 64
    for n in range(6400):
        stripes[probe.mixed_hash(n * step % sys.maxsize) >> 56 & 63] += 1
    # By the salt it may be more or less even.
    assert min(stripes) > 20
    assert max(stripes) < 200


def test_an_unhashable_key_is_an_error():
    with pytest.raises(TypeError, match="unhashable"):
        probe.mixed_hash([])
