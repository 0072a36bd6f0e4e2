"""The form in which a check's parameters are given. It is made from what the check declares; a new check needs nothing here."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from apps.catalog.queries import fields_of
from apps.evidence import pairing
from apps.evidence.checks.base import Check
from apps.registry.models import ModelVersion

MOST_CHOICES = 40
NUMBERS: dict[Any, type[forms.Field]] = {int: forms.IntegerField, float: forms.FloatField}
Choices = list[tuple[str, str]]


@dataclass(frozen=True)
class Part:
    """One check of the form: its fields, or none where it has no parameters."""

    check: Check
    fields: list[forms.BoundField]


class ParametersForm(forms.Form):
    """The parameters of the chosen checks. A field left empty means the default, and is not stored."""

    def __init__(self, *given: Any, checks: Sequence[Check], version: ModelVersion, **named: Any) -> None:
        super().__init__(*given, **named)
        self.checks = checks
        for check in checks:
            known = Known(version, check)
            for name in check.Params.named():
                self.fields[f"{check.key}-{name}"] = _field(check, name, known)

    @property
    def parts(self) -> list[Part]:
        """The checks that have parameters, each with its fields."""
        found = [Part(check, [self[f"{check.key}-{name}"] for name in check.Params.named()]) for check in self.checks]
        return [part for part in found if part.fields]

    @property
    def without(self) -> list[str]:
        """Titles of chosen checks that have no parameters."""
        return [check.title for check in self.checks if not check.Params.named()]

    def clean(self) -> dict[str, Any]:
        """Values that the check would refuse are refused here, each beside its field."""
        for check in self.checks:
            for name, value in self._typed(check).items():
                wrong = check.Params.complaint(name, value)
                if wrong and f"{check.key}-{name}" not in self.errors:
                    self.add_error(f"{check.key}-{name}", f"{_subject(check, name)} {wrong} {_way_out(check, name)}")
        return self.cleaned_data

    def given(self) -> dict[str, dict[str, Any]]:
        """What differs from the defaults, by check."""
        found = {check.key: self._typed(check) for check in self.checks}
        return {key: values for key, values in found.items() if values}

    def _typed(self, check: Check) -> dict[str, Any]:
        """The values of one check that are not its defaults."""
        found = {}
        for name in check.Params.named():
            value, default = self.cleaned_data.get(f"{check.key}-{name}"), getattr(check.Params, name)
            if value is not None and value != "" and value != default:
                found[name] = value
        return found


class Known:
    """What the parameters of a check can name in a version: columns of its data, other versions, datasets to compare with."""

    def __init__(self, version: ModelVersion, check: Check) -> None:
        self.version, self.check = version, check

    def columns(self) -> Choices:
        """Columns of the datasets that the check reads, as they are declared, and the version's features."""
        links = self.version.dataset_links.filter(role__in=self.check.reads).select_related("dataset_version__dataset")
        fields = fields_of({link.dataset_version.dataset for link in links})
        names = dict.fromkeys(field.path for rows in fields.values() for field in rows)
        return [(name, name) for name in names]

    def versions(self) -> Choices:
        """Other versions of the model, newest first."""
        others = ModelVersion.objects.filter(model=self.version.model_id).exclude(pk=self.version.pk).order_by("-id")
        return [(other.version, f"{_('Version')} {other.version}") for other in others if pairing.has_scores(other)]

    def references(self) -> Choices:
        """Linked datasets that the check can compare with."""
        links = self.version.dataset_links.select_related("dataset_version__dataset")
        found = pairing.references(list(links), self.check.compares_with)
        return [
            (link.dataset_version.dataset.name, f"{link.dataset_version.dataset} ({link.get_role_display().lower()})")
            for link in found
        ]


class WordsField(forms.CharField):
    """Several names, one to a line or separated by commas."""

    def clean(self, value: Any) -> list[str]:
        """The names without blanks and repetitions."""
        parts = re.split(r"[\n,]", super().clean(value))
        return list(dict.fromkeys(part.strip() for part in parts if part.strip()))


def _field(check: Check, name: str, known: Known) -> forms.Field:
    """The field for one declared parameter."""
    params = check.Params
    kind, default = params.named()[name], getattr(params, name)
    label, hint = params.WORDS.get(name, (params.label(name), ""))
    said: dict[str, Any] = {"label": label, "help_text": hint, "required": False, "initial": default}
    if kind is bool:
        return forms.BooleanField(**said)
    if kind in NUMBERS:
        return _number(check, name, NUMBERS[kind], said)
    offered: Callable[[], Choices] | None = getattr(known, params.NAMES.get(name, ""), None)
    return _names(check, name, offered() if offered else [], said)


def _number(check: Check, name: str, made: type[forms.Field], said: dict[str, Any]) -> forms.Field:
    said["help_text"] = f"{said['help_text']} {check.Params.expected(name).capitalize()}."
    said["error_messages"] = {
        "invalid": f"{_subject(check, name)} must be {check.Params.expected(name)}. {_way_out(check, name)}"
    }
    # not a number input: browsers send nothing for what they cannot read, and the default would stand for it
    return made(**said, widget=forms.TextInput(attrs={"inputmode": "decimal"}))


def _names(check: Check, name: str, choices: Choices, said: dict[str, Any]) -> forms.Field:
    """Something that is named: picked where the names are known and not too many, typed where they are not."""
    is_list = check.Params.named()[name] == list[str]
    if 0 < len(choices) <= MOST_CHOICES:
        said["error_messages"] = {"invalid_choice": _unknown(check, name)}
        if is_list:
            return forms.MultipleChoiceField(choices=choices, widget=forms.CheckboxSelectMultiple, **said)
        return forms.ChoiceField(choices=[("", _("None chosen")), *choices], **said)
    if is_list:
        said["help_text"] = f"{said['help_text']} {_('Names one to a line, or with commas between them.')}"
        return WordsField(widget=forms.Textarea(attrs={"rows": 4}), **{**said, "initial": "\n".join(said["initial"])})
    return forms.CharField(max_length=200, **said)


def _unknown(check: Check, name: str) -> str:
    """What is wrong with a name that is not among those offered, and how to mend it."""
    if check.Params.NAMES.get(name) == "columns":
        return _(
            "There is no column %(value)s in the data that this check reads. "
            "Choose one of those offered; another one is declared on its dataset's page first."
        )
    return _("There is no %(value)s to compare with. Choose one of those offered.")


def _subject(check: Check, name: str) -> str:
    """The parameter at the head of a sentence: "Fairness: line for flags"."""
    label = check.Params.label(name)
    return f"{check.title}: {label[0].lower()}{label[1:]}"


def _way_out(check: Check, name: str) -> str:
    default = getattr(check.Params, name)
    shown = ", ".join(default) if isinstance(default, list) else default
    return (
        _("Leave it empty for %(default)s.") % {"default": shown} if shown != "" else _("Leave it empty to go without.")
    )
