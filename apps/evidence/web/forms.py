"""Forms of the evidence pages. They check shape; services check everything else."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.evidence.catalogue import EvidenceType, catalogue, field_title
from apps.evidence.checks import registry
from apps.evidence.queries import today


class ChecksForm(forms.Form):
    """Which checks to run. Those that this version has no data for are named and cannot be chosen."""

    checks = forms.MultipleChoiceField(
        label=_("Checks"), widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("No check is chosen. Choose at least one of those below.")},
    )  # fmt: skip

    def __init__(self, *given: Any, able: list[str], **named: Any) -> None:
        super().__init__(*given, **named)
        chosen = [(key, registry()[key].title) for key in able]
        self.fields["checks"].choices = chosen  # type: ignore[attr-defined]


class ReasonForm(forms.Form):
    """Why an item is accepted, flagged or withdrawn."""

    reason = forms.CharField(label=_("Reason"), max_length=4000, widget=forms.Textarea(attrs={"rows": 3}))


class TypeForm(forms.Form):
    """Which evidence type is handed in."""

    type = forms.ChoiceField(label=_("Kind of evidence"))

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        typed = (kind for kind in catalogue().values() if not (kind.is_record or kind.is_report))
        kinds = sorted(typed, key=lambda kind: kind.title)
        self.fields["type"].choices = [(kind.id, kind.title) for kind in kinds]  # type: ignore[attr-defined]


class ManyFiles(forms.ClearableFileInput):
    """A file input for several files."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files, each checked on its own."""

    widget = ManyFiles

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        """Every file that was sent."""
        files = data if isinstance(data, list | tuple) else [data] if data else []
        if not files and self.required:
            super().clean(None, initial)
        return [super(FilesField, self).clean(file, initial) for file in files]


class EvidenceForm(forms.Form):
    """One item: the type's fields, what it says in a sentence, dates, and files."""

    summary = forms.CharField(
        label=_("What it says, in one or two sentences"), max_length=4000, widget=forms.Textarea(attrs={"rows": 3})
    )
    dated = forms.DateField(label=_("Date of the work"), widget=forms.DateInput(attrs={"type": "date"}))
    valid_until = forms.DateField(
        label=_("Valid until"), required=False, widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("Leave empty when the catalogue's age limit is enough."),
    )  # fmt: skip

    def __init__(self, *given: Any, kind: EvidenceType, **named: Any) -> None:
        super().__init__(*given, **named)
        own = {f"field_{name}": field_for(name, kind) for name in kind.attested}
        note = _("With files it is marked submitted, without them attested.")
        self.fields = {**own, **self.fields, "files": FilesField(label=_("Files"), required=False, help_text=note)}

    def typed(self) -> dict[str, Any]:
        """The type's fields that were filled in; an empty one is left out, so nothing is claimed for it."""
        found = {}
        for name, value in self.cleaned_data.items():
            if name.startswith("field_") and value not in (None, ""):
                plain = (
                    value.isoformat() if hasattr(value, "isoformat") else {"yes": True, "no": False}.get(value, value)
                )
                found[name.removeprefix("field_")] = plain
        return found


class CaseForm(forms.Form):
    """One case, and the values that are changed in it."""

    def __init__(self, *given: Any, features: list[str], **named: Any) -> None:
        super().__init__(*given, **named)
        self.features = features
        for place, name in enumerate(features):
            self.fields[f"case_{place}"] = forms.CharField(label=name, max_length=200)
            label = _("%(name)s, changed to") % {"name": name}
            self.fields[f"changed_{place}"] = forms.CharField(label=label, max_length=200, required=False)

    def typed(self, side: str) -> dict[str, str]:
        """The values of one side by feature."""
        return {name: self.cleaned_data[f"{side}_{place}"] for place, name in enumerate(self.features)}

    @property
    def rows(self) -> list[tuple[Any, Any]]:
        """The two fields of each feature."""
        return [(self[f"case_{place}"], self[f"changed_{place}"]) for place in range(len(self.features))]


class TestsForm(forms.Form):
    """A report of tests that were run elsewhere."""

    title = forms.CharField(
        label=_("What was tested"), max_length=200, initial=_("Integration tests"),
        help_text=_("A report replaces an earlier one of the same name; those of other names stand beside it and count together."),
    )  # fmt: skip
    report = forms.FileField(label=_("Report in JUnit's XML"), help_text=_("The file is kept as it is; at most 5 MiB."))
    dated = forms.DateField(label=_("Date of the tests"), initial=today, widget=forms.DateInput(attrs={"type": "date"}))


def field_for(name: str, kind: EvidenceType) -> forms.Field:
    """The form field for one field of a type."""
    label = field_title(kind.id, name)
    expected = kind.fields[name]
    if expected == "bool":
        answers = [("", _("No statement")), ("yes", _("Yes")), ("no", _("No"))]
        return forms.ChoiceField(label=label, choices=answers, required=False)
    if expected == "int":
        return forms.IntegerField(label=label, required=False)
    if expected == "float":
        return forms.FloatField(label=label, required=False)
    if expected == "date":
        return forms.DateField(label=label, required=False, widget=forms.DateInput(attrs={"type": "date"}))
    return forms.CharField(label=label, required=False, max_length=4000)
