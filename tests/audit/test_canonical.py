"""One value, one spelling."""

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.audit import canonical

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
value = st.recursive(
    st.none() | st.booleans() | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine draws slowly
@given(st.dictionaries(text, value, max_size=5))
def test_entry_bytes_are_rfc_8785_and_read_back_to_the_same_value(body: dict[str, Any]) -> None:
    encoded = canonical.encode_entry(body)
    assert encoded == rfc8785.dumps(body)
    assert canonical.parse_entry(encoded) == body


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(text, value, min_size=1, max_size=5), st.integers(min_value=0))
def test_a_changed_byte_is_not_the_same_entry(body: dict[str, Any], place: int) -> None:
    encoded = bytearray(canonical.encode_entry(body))
    encoded[place % len(encoded)] ^= 1
    try:
        assert canonical.parse_entry(bytes(encoded)) != body
    except canonical.NotCanonical:
        pass


@pytest.mark.parametrize(
    "body",
    [
        {"a": 1},
        {"a": 1.5},
        {"a": [True, {"b": 0}]},
        {"a": float("nan")},
        {"a": "\x00"},
        {"\x00": "a"},
        {1: "a"},
        {"a": b"bytes"},
        {"a": "\ud800"},
    ],
)
def test_entries_refuse_what_another_program_could_read_differently(body: Any) -> None:
    with pytest.raises(canonical.NotCanonical):
        canonical.encode_entry(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":"1","a":"2"}',
        b'{"b":"1","a":"2"}',
        b'{"a": "1"}',
        b'{"a":1}',
        b'{"a":1e3}',
        b'{"a":NaN}',
        b'{"a":"\\u0041"}',
        b'{"a":"1"}\n',
        b'["a"]',
        b"\xff",
        b"",
        b"[" * 100_000,
    ],
)
def test_bytes_that_are_not_the_one_spelling_are_refused(body: bytes) -> None:
    with pytest.raises(canonical.NotCanonical):
        canonical.parse_entry(body)


def test_keys_beyond_the_basic_plane_are_ordered_as_rfc_8785_orders_them() -> None:
    body = {"\ufb33": "hebrew", "\U0001f600": "face", "a": "latin"}
    encoded = canonical.encode_entry(body)
    assert encoded == rfc8785.dumps(body)
    assert list(json.loads(encoded)) == ["a", "\U0001f600", "\ufb33"]


def test_parse_refuses_repeated_keys_and_constants_but_reads_numbers() -> None:
    assert canonical.parse(b'{"a": 1.5}') == {"a": 1.5}
    for body in (b'{"a":1,"a":1}', b'{"a":{"b":1,"b":2}}', b"NaN", b"[Infinity]"):
        with pytest.raises(canonical.NotCanonical):
            canonical.parse(body)


def test_the_place_of_a_number_is_named() -> None:
    with pytest.raises(canonical.NotCanonical, match="/a/1/b"):
        canonical.encode_entry({"a": ["x", {"b": 3}]})


def deep(levels: int) -> Any:
    found: Any = "end"
    for _ in range(levels):
        found = [found]
    return found


@pytest.mark.parametrize(
    "value", [{"a": "\ud800"}, {"\ud800": "a"}, deep(100_000), {"a": 2**53 + 1}, {"a": float("inf")}, {"a": b"x"}]
)
def test_a_value_without_a_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(canonical.NotCanonical, match="."):
        canonical.encode(value)


@pytest.mark.parametrize("body", [b"\xff", b"{", b"", b"[" * 100_000])
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(canonical.NotCanonical, match="not JSON"):
        canonical.parse(body)
    with pytest.raises(canonical.NotCanonical, match="not JSON"):
        canonical.parse_entry(body)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1, "^/: 1 is a number"),
        ({"a": 1.5}, "^/a: 1.5 is a number"),
        ({"a": b"x"}, "^/a: bytes is not JSON"),
        ("\x00", "^/: U"),
    ],
)
def test_what_an_entry_may_not_hold_is_said(value: Any, words: str) -> None:
    with pytest.raises(canonical.NotCanonical, match=words):
        canonical.encode_entry(value)


@pytest.mark.parametrize("body", [b'{"a":1}', b'{"a":-1}', b'{"a":1.5}'])
def test_a_number_in_an_entry_is_called_one(body: bytes) -> None:
    with pytest.raises(canonical.NotCanonical, match="is a number; entries hold numbers as strings"):
        canonical.parse_entry(body)


def test_a_digest_is_sha_256_and_an_entry_fits_a_tiled_log() -> None:
    assert canonical.digest(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert canonical.MAX_BYTES == 0xFFFF  # two bytes of length before each leaf of a bundle
