"""The canonical spelling is RFC 8785's, whichever way it is made."""

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


def test_keys_beyond_the_basic_plane_sort_by_their_utf16_units() -> None:
    value = {"\U00010000": 1, "\uffff": 2, "a": 3}
    assert canonical_bytes(value) == rfc8785.dumps(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**60, "\ud800", {1: "a"}])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises((rfc8785.CanonicalizationError, UnicodeEncodeError)):
        digest_of(value)
