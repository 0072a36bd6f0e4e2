"""What people enter in the console: use cases, models, and what stewards say of data. The services decide."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User
from apps.catalog.models import Classification, Dataset, DatasetEvent, Field
from apps.catalog.services import FieldDeclaration, Terms
from apps.core.errors import ProductError


def sent(request: HttpRequest) -> Any:
    """What was sent, or None when the page is only opened: an empty form that was sent is refused, not shown anew."""
    return request.POST if request.method == "POST" else None


def show_refusal(form: forms.BaseForm, error: ProductError) -> None:
    """Put a service's refusal where the reader looks: at the field it names, otherwise on top."""
    named = getattr(error, "errors", None) or [{"pointer": "", "detail": error.detail}]
    for item in named:
        name = item.get("pointer", "").strip("/").split("/")[0]
        form.add_error(name if name in form.fields else None, item["detail"])


class Text(forms.Textarea):
    """A text of a few lines; it grows by hand."""

    def __init__(self) -> None:
        super().__init__(attrs={"rows": 4})


class UseCaseForm(forms.Form):
    """Three things are enough to begin."""

    title = forms.CharField(label=_("Title"), max_length=200)
    purpose = forms.CharField(
        label=_("Purpose"),
        widget=Text,
        help_text=_("What it is to decide or support, and what it is not for."),
    )
    owner = forms.ModelChoiceField(
        label=_("Owner"), queryset=User.objects.none(), required=False, help_text=_("Empty: you.")
    )
    objective = forms.CharField(
        label=_("Objective"), widget=Text, required=False, help_text=_("The business objective; may wait.")
    )
    people_affected = forms.CharField(
        label=_("People affected"), required=False, help_text=_("Who, and roughly how many; may wait.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["owner"].queryset = User.objects.active().people()  # type: ignore[attr-defined]


class ModelForm(forms.Form):
    """A model of a use case; versions come from the training pipeline."""

    name = forms.CharField(label=_("Name"), max_length=200)
    purpose = forms.CharField(label=_("Purpose"), widget=Text, required=False)


class TermsForm(forms.Form):
    """Under which conditions, for which purposes and until when data may be used."""

    terms = forms.CharField(label=_("Terms"), widget=Text, help_text=_("Licence, contract or consent."))
    permitted_purposes = forms.CharField(
        label=_("Permitted for"), required=False, widget=Text, help_text=_("One purpose on each line.")
    )
    terms_end_on = forms.DateField(
        label=_("Terms end on"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    lawful_basis = forms.CharField(label=_("Lawful basis"), max_length=120, required=False)
    retention = forms.CharField(label=_("Retention"), max_length=300, required=False)
    reason = forms.CharField(label=_("Reason of the change"), max_length=300)

    @classmethod
    def of(cls, dataset: Dataset) -> dict[str, Any]:
        """What is declared now, as the form shows it."""
        named = ["terms", "terms_end_on", "lawful_basis", "retention"]
        return {name: getattr(dataset, name) for name in named} | {
            "permitted_purposes": "\n".join(dataset.permitted_purposes)
        }

    @property
    def declared(self) -> Terms:
        """What the form says, for the service."""
        wish = self.cleaned_data
        purposes = [line.strip() for line in wish["permitted_purposes"].splitlines() if line.strip()]
        return Terms(wish["terms"], purposes, wish["terms_end_on"], wish["lawful_basis"], wish["retention"])


class ColumnForm(forms.Form):
    """What one column holds."""

    classification = forms.ChoiceField(label=_("Holds"), choices=Classification.choices)
    protected = forms.BooleanField(label=_("Protected attribute"), required=False)
    privileged = forms.CharField(label=_("Compared with"), max_length=200, required=False)
    masked = forms.BooleanField(label=_("Masked"), required=False)

    def __init__(self, field: Field, answers: Any = None) -> None:
        self.field = field
        now = {
            "classification": field.classification,
            "protected": field.is_protected,
            "privileged": field.privileged,
            "masked": field.is_masked,
        }
        super().__init__(answers, initial=now, prefix=f"column-{field.pk.hex}")

    @property
    def declaration(self) -> FieldDeclaration:
        """What the form says of the column, for the service."""
        return FieldDeclaration(self.field.path, **self.cleaned_data)


class EventForm(forms.Form):
    """Something happened to data."""

    kind = forms.ChoiceField(label=_("What happened"), choices=DatasetEvent.Kind.choices, widget=forms.RadioSelect)
    fields_hit = forms.MultipleChoiceField(
        label=_("Columns"), required=False, widget=forms.CheckboxSelectMultiple, help_text=_("None: the whole dataset.")
    )
    classification = forms.ChoiceField(
        label=_("They hold now"),
        required=False,
        choices=[("", _("Not reclassified")), *Classification.choices],
    )
    reason = forms.CharField(label=_("Reason"), widget=Text, help_text=_("It stands in every finding that this opens."))

    def __init__(self, columns: list[Field], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["fields_hit"].choices = [(row.path, row.path) for row in columns]  # type: ignore[attr-defined]

    @property
    def wish(self) -> dict[str, Any]:
        """What the form says, in the service's words."""
        asked = dict(self.cleaned_data)
        columns = asked.pop("fields_hit")
        return {**asked, "fields": columns}
