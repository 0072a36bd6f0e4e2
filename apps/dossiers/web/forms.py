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

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["environment"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = Environment.objects.visible_to(user).order_by("name")
