"""The text of a token: pure properties."""

from hypothesis import given
from hypothesis import strategies as st

from apps.accounts.tokens import new_token_text, read_token_text


def test_a_new_token_reads_back_as_itself_and_opens_only_its_own_hash() -> None:
    first, second = new_token_text(), new_token_text()
    assert read_token_text(str(first)) == first
    assert first.opens(first.secret_digest)
    assert not first.opens(second.secret_digest)
    assert len(first.key) == 8 and str(first).startswith(f"imp_{first.key}_")


@given(st.text(max_size=80))
def test_any_other_text_is_no_token_and_raises_nothing(text: str) -> None:
    parts = read_token_text(text)
    assert parts is None or str(parts) == text


@given(st.text(max_size=80))
def test_a_stored_hash_of_any_shape_is_compared_without_an_error(stored: str) -> None:
    if stored.isascii():
        assert not new_token_text().opens(stored)
