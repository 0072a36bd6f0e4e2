"""The filter of the decision log."""

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.registry.models import Environment


class DecisionFilterForm(forms.Form):
    """Which decisions to list; every field is a GET parameter."""

    q = forms.CharField(label=_("Model, version or digest"), required=False, max_length=200)
    outcome = forms.ChoiceField(
        label=_("Result"), required=False, choices=[("", _("All")), ("allow", _("Allow")), ("deny", _("Deny"))]
    )
    environment = forms.ModelChoiceField(
        label=_("Environment"),
        required=False,
        queryset=Environment.objects.none(),
        to_field_name="slug",
        empty_label=_("All"),
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["environment"].queryset = Environment.objects.order_by("name")  # type: ignore[attr-defined]
