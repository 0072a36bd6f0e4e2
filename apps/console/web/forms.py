"""Filters of the console's lists. All go by GET, so a filtered list has an address that can be sent to someone."""

from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.catalog.models import Dataset
from apps.registry.models import Model
from apps.registry.models.inventory import TIERS


class Words(forms.CharField):
    """The search words of a list."""

    def __init__(self, label: Any) -> None:
        super().__init__(label=label, required=False, max_length=200, widget=forms.TextInput(attrs={"type": "search"}))


class Filter(forms.Form):
    """A filter that never refuses: what it does not know, it ignores. In the past it has no field for what changes."""

    changing: ClassVar[tuple[str, ...]] = ()

    def __init__(self, given: Any, *, at: datetime | None = None) -> None:
        super().__init__(given)
        self.left_out = [name for name in self.changing if at is not None and given.get(name)]
        for name in self.changing if at is not None else ():
            del self.fields[name]

    @property
    def wish(self) -> dict[str, Any]:
        """What was asked for."""
        self.full_clean()
        return {name: self.cleaned_data.get(name, "") for name in self.fields}


def tiers(*, or_none: bool = False) -> list[tuple[str, Any]]:
    """Tiers as choices."""
    rows: list[tuple[str, Any]] = [("", _("Any tier")), *((str(tier), label) for tier, label in TIERS)]
    return [*rows, ("none", _("No tier yet"))] if or_none else rows


class UseCaseFilter(Filter):
    """The list of use cases."""

    changing = ("tier",)

    text = Words(_("Title or purpose"))
    tier = forms.ChoiceField(label=_("Tier"), required=False, choices=lambda: tiers(or_none=True))

    def __init__(self, given: Any, *, at: datetime | None = None) -> None:
        super().__init__(given, at=at)
        if at is not None:
            self.fields["text"].label = _("Short name")


class ModelFilter(Filter):
    """The list of models."""

    changing = ("tier", "state")

    text = Words(_("Model or use case"))
    tier = forms.ChoiceField(label=_("Tier"), required=False, choices=tiers)
    state = forms.ChoiceField(label=_("State"), required=False, choices=[("", _("Any state")), *Model.State.choices])


class DatasetFilter(Filter):
    """The list of datasets."""

    changing = ("standing", "state")

    text = Words(_("Name or namespace"))
    standing = forms.ChoiceField(
        label=_("Governed"),
        required=False,
        choices=[("", _("All")), ("governed", _("Governed")), ("ungoverned", _("Only known from lineage"))],
    )
    state = forms.ChoiceField(label=_("State"), required=False, choices=[("", _("Any state")), *Dataset.State.choices])


class QueueFilter(Filter):
    """The queue."""

    text = Words(_("Search all open work"))
    tier = forms.ChoiceField(label=_("Tier"), required=False, choices=tiers)
