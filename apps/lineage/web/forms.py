"""What a reader may ask of a drawing."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.catalog.models import Field
from apps.lineage.queries import Closure

DIRECTIONS = [("both", _("Both directions")), ("up", _("Where it comes from")), ("down", _("Where it goes"))]
DEPTHS = [(str(number), str(number)) for number in range(1, 7)]


class FollowForm(forms.Form):
    """Which column to follow through the lineage of a version."""

    column = forms.ChoiceField(label=_("Follow column"), required=False)

    def __init__(self, *args: Any, closure: Closure, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(str(row.pk), f"{owner} · {row.path}") for owner, row in followable(closure)]
        self.fields["column"].choices = [("", _("None")), *choices]  # type: ignore[attr-defined]

    @property
    def chosen(self) -> str:
        """The id of the chosen column, or ''."""
        return str(self.cleaned_data["column"]) if self.is_bound and self.is_valid() else ""


def followable(closure: Closure) -> list[tuple[Any, Field]]:
    """Columns of the closure with their datasets: protected and personal ones first, of those the furthest away first."""
    rows = [
        (closure.sources[closure.names.of(row.dataset_id)].dataset, row)
        for row in closure.fields.values()
        if closure.names.of(row.dataset_id) in closure.sources
    ]
    depth = {pk: source.depth for pk, source in closure.sources.items()}

    def order(item: tuple[Any, Field]) -> tuple[Any, ...]:
        owner, row = item
        away = -depth[closure.names.of(row.dataset_id)]
        return not row.is_protected, row.pk not in closure.verdicts, away, str(owner), row.ordinal

    return sorted(rows, key=order)


class GraphForm(forms.Form):
    """Which node to look at, which way and how far."""

    node = forms.CharField(label=_("Dataset, column, job or version"), max_length=4000, required=False)
    direction = forms.ChoiceField(label=_("Direction"), choices=DIRECTIONS, required=False)
    depth = forms.ChoiceField(label=_("Hops each way"), choices=DEPTHS, required=False)
    as_of = forms.DateField(
        label=_("As at"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
