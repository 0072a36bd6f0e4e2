"""Signed heads out of the operator's reach: what is not below one, and how they get there."""

from collections.abc import Callable

import pytest

from apps.audit import queries
from apps.audit.models import Anchor, Checkpoint, Entry

pytestmark = pytest.mark.django_db


def test_without_an_anchor_the_whole_log_is_its_tail(grow: Callable[[int], Checkpoint]) -> None:
    assert queries.unanchored_tail() == queries.Tail(0, None, 0, None, ())
    grow(4)
    tail = queries.unanchored_tail()
    assert (tail.entries, tail.is_anchored) == (5, False)
    assert tail.oldest_at == Entry.objects.get(leaf__seq=0).at
    assert "only as good as whoever holds the database" in tail.sentence


def test_entries_after_the_newest_anchored_head_are_the_tail(
    grow: Callable[[int], Checkpoint], write: Callable[..., Entry]
) -> None:
    head = grow(4)
    for kind in (Anchor.Kind.GIT, Anchor.Kind.MAIL):
        Anchor.objects.create(checkpoint=head, kind=kind, place="auditor", blob=b"1")
    assert queries.unanchored_tail().sentence.startswith("Every entry is below")
    first = write()
    waiting = queries.unanchored_tail()
    assert (waiting.entries, waiting.oldest_at) == (1, first.at)
    grow(2)
    tail = queries.unanchored_tail()
    assert (tail.entries, tail.oldest_at, tail.anchored_size, tail.kinds) == (3, first.at, head.size, ("git", "mail"))
    assert "3 newer ones" in tail.sentence
