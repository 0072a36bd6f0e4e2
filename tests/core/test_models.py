"""The canonical spelling is RFC 8785's, whichever way it is made."""

import json
from decimal import Decimal

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from apps.core.models import canonical_bytes, digest_of

NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_every_json_value_is_spelled_as_the_standard_says(value: object) -> None:
    assert canonical_bytes(value) == rfc8785.dumps(value)


@pytest.mark.parametrize("number", [1.0, -0.0, 1e-7, 1e-5, 0.0001, 123456789.125, 1e16, 1e21, 5e-324, 9007199254740991])
def test_numbers_are_spelled_as_the_standard_says(number: float) -> None:
    assert canonical_bytes({"n": number}) == rfc8785.dumps({"n": number})


@given(VALUES)
def test_what_was_spelled_and_read_is_spelled_the_same(value: object) -> None:
    spelled = canonical_bytes(value)
    assert canonical_bytes(json.loads(spelled)) == spelled


@pytest.mark.parametrize("number", [1e16, 1e17, -2.54606e20, 1e30, 1.5e300, 123456789012345680.0, float(2**60)])
def test_a_whole_number_from_the_database_is_the_binary64_number_that_was_stored(number: float) -> None:
    stored = int(Decimal(repr(number)))  # as jsonb keeps it and psycopg reads it
    assert canonical_bytes({"a": [stored]}) == canonical_bytes({"a": [number]}) == rfc8785.dumps({"a": [number]})


def test_keys_beyond_the_basic_plane_sort_by_their_utf16_units() -> None:
    value = {"\U00010000": 1, "\uffff": 2, "a": 3}
    assert canonical_bytes(value) == rfc8785.dumps(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**60, 10**400, "\ud800", {1: "a"}])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises((rfc8785.CanonicalizationError, UnicodeEncodeError)):
        digest_of(value)
