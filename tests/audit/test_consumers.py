"""Readers of the log: each entry in order, nobody held up by another's failure."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.audit import consumers, services
from apps.audit.models import Cursor, Entry

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def only_ours(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The product's own consumers stay out of these tests."""
    monkeypatch.setattr(consumers, "_readers", {})
    yield


def test_a_consumer_reads_every_placed_entry_once_and_in_order(write: Callable[..., Entry]) -> None:
    seen: list[int | None] = []

    @consumers.consumer("tests.reader")
    def reader(entries: Sequence[Entry]) -> None:
        seen.extend(entry.seq for entry in entries)

    for _ in range(consumers.BATCH + 5):
        write()
    assert consumers.consume() == 0  # nothing has a place yet
    services.sequence_all()
    assert consumers.consume() == consumers.BATCH + 6
    assert consumers.consume() == 0
    assert seen == list(range(consumers.BATCH + 6))
    assert Cursor.objects.get(name="tests.reader").next_seq == consumers.BATCH + 6


def test_a_failing_consumer_keeps_its_place_and_holds_up_nobody(write: Callable[..., Entry]) -> None:
    seen: list[str] = []
    broken = True

    @consumers.consumer("tests.a_broken")
    def first(entries: Sequence[Entry]) -> None:
        if broken:
            raise RuntimeError("Not today")
        seen.append("first")

    @consumers.consumer("tests.b_whole")
    def second(entries: Sequence[Entry]) -> None:
        seen.append("second")

    write()
    services.sequence_all()
    consumers.consume()
    assert seen == ["second"]
    cursor = Cursor.objects.get(name="tests.a_broken")
    assert (cursor.next_seq, cursor.failures, cursor.error) == (0, 1, "RuntimeError: Not today")
    broken = False
    consumers.consume()
    assert seen == ["second"]  # it rests before it is asked again
    Cursor.objects.filter(pk=cursor.pk).update(retry_at=timezone.now() - timedelta(seconds=1))
    consumers.consume()
    assert seen == ["second", "first"]
    cursor.refresh_from_db()
    assert (cursor.next_seq, cursor.failures, cursor.error) == (2, 0, "")


def test_what_a_consumer_writes_and_its_cursor_commit_together(write: Callable[..., Entry]) -> None:
    @consumers.consumer("tests.reader")
    def reader(entries: Sequence[Entry]) -> None:
        write("tests.half_done")
        raise RuntimeError

    write()
    services.sequence_all()
    consumers.consume()
    assert not Entry.objects.filter(verb="tests.half_done").exists()


def test_a_name_belongs_to_one_consumer() -> None:
    @consumers.consumer("tests.reader")
    def reader(entries: Sequence[Entry]) -> None: ...

    with pytest.raises(RuntimeError, match="twice"):

        @consumers.consumer("tests.reader")
        def other(entries: Sequence[Entry]) -> None: ...
