"""Pages of long lists, by cursor."""

import pytest

from apps.console.queries.paging import keyset
from apps.core.errors import BadRequest
from apps.registry.models import UseCase
from tests import factories

pytestmark = pytest.mark.django_db


def walk(size: int, by: tuple[str, ...]) -> list[str]:
    found: list[str] = []
    query: dict[str, str] = {}
    while True:
        page = keyset(UseCase.objects.all(), by=by, query=query, size=size)
        found += [row.title for row in page]
        if page.after is None:
            return found
        query = {"after": page.after}


@pytest.fixture
def titles() -> list[str]:
    owner = factories.person("model_owner")
    wanted = ["a", "b", "b", "c", "d", "e", "e"]
    for number, title in enumerate(wanted):
        factories.use_case(f"case-{number}", title=title, owner=owner)
    return wanted


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_every_row_is_on_exactly_one_page_even_when_names_repeat(titles: list[str], size: int) -> None:
    assert walk(size, ("title", "id")) == titles
    assert walk(size, ("-title", "-id")) == titles[::-1]


def test_going_back_shows_the_page_before(titles: list[str]) -> None:
    first = keyset(UseCase.objects.all(), by=("title", "id"), query={}, size=3)
    second = keyset(UseCase.objects.all(), by=("title", "id"), query={"after": first.after}, size=3)
    again = keyset(UseCase.objects.all(), by=("title", "id"), query={"before": second.before}, size=3)
    assert [row.pk for row in again] == [row.pk for row in first]
    assert again.before is None
    assert first.before is None


def test_a_list_that_fits_is_whole() -> None:
    page = keyset(UseCase.objects.all(), by=("title", "id"), query={}, size=3)
    assert page.is_whole
    assert len(page) == 0


@pytest.mark.parametrize("mark", ["nonsense", "WyJhIl0", "e30", "WyJhIiwgIm5vIHV1aWQiXQ"])
def test_a_mark_of_another_list_is_refused_in_words(mark: str) -> None:
    with pytest.raises(BadRequest, match="page mark"):
        keyset(UseCase.objects.all(), by=("title", "id"), query={"after": mark})
