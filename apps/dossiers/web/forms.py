"""What a person chooses when asking for a dossier."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.dossiers.models import Dossier
from apps.registry.models import Environment


class DossierForm(forms.Form):
    """In which order the sections stand, and for which environment the version is judged."""

    order = forms.ChoiceField(
        label=_("Order of the sections"), choices=Dossier.Order.choices, initial=Dossier.Order.ANNEX_IV
    )
    environment = forms.ModelChoiceField(
        Environment.objects.none(), label=_("Judged for"), required=False, empty_label=_("Where the newest review asked for"),
        help_text=_("Requirements and approvals are those of this environment."),
    )  # fmt: skip

    profile = forms.ChoiceField(
        label=_("For whom"), choices=Dossier.Profile.choices, initial=Dossier.Profile.INSIDE,
        help_text=_("Small groups are withheld from everybody. Files that were handed in go to readers inside only."),
    )  # fmt: skip
    has_names = forms.BooleanField(
        label=_("Print names of staff"), required=False, initial=True,
        help_text=_("For readers outside, roles can stand in their place."),
    )  # fmt: skip
    has_texts = forms.BooleanField(
        label=_("Print what people wrote in their own words"), required=False, initial=True,
        help_text=_("Reasons, questions, answers, findings. For readers outside they can be left out; their digests stay."),
    )  # fmt: skip

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["environment"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = Environment.objects.visible_to(user).order_by("name")

    def clean(self) -> dict[str, Any]:
        """Inside, who signed and why belongs to the record: nothing is left out."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("profile") == Dossier.Profile.INSIDE:
            cleaned |= {"has_names": True, "has_texts": True}
        return cleaned
