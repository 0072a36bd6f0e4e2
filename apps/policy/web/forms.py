"""What people fill in about policy. A form checks shape; the service decides, and its refusal comes back as an error here."""

from datetime import timedelta
from typing import Any, cast

from django import forms
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from apps.core.errors import ProductError
from apps.policy import packs, phrases, queries, services
from apps.policy.queries.measured import organisation_day
from apps.policy.requirements import OPERATOR_WORDS
from apps.policy.results import RequirementResult
from apps.policy.services.waivers import DEFAULT_DAYS
from apps.registry.models import Environment, ModelVersion, UseCase

ANSWERED_ELSEWHERE = ("model.tier", "model.state")
YES_NO = [("", _("Not answered")), ("true", _("Yes")), ("false", _("No"))]
GROUPS = {
    "use": _("Use"), "model": _("Model"), "data": _("Data"), "eu": _("European Union"), "uk": _("United Kingdom"),
    "us": _("United States"), "nyc": _("New York City"), "ca": _("California"), "org": _("Organisation"),
}  # fmt: skip


def show_refusal(form: forms.BaseForm, error: ProductError) -> None:
    """Put a service's refusal where the reader looks: at the field it names, otherwise on top."""
    named = getattr(error, "errors", None) or [{"pointer": "", "detail": error.detail}]
    for item in named:
        parts = item.get("pointer", "").strip("/").split("/")
        name = parts[-1] if parts[-1] in form.fields else parts[0]
        form.add_error(name if name in form.fields else None, item["detail"])


class DateInput(forms.DateInput):
    """The browser's own date picker."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d", attrs={"class": "is-short"})


class ListField(forms.CharField):
    """Several words, separated by commas; empty means not answered."""

    def clean(self, value: Any) -> Any:
        """The words as a list."""
        return [word.strip() for word in super().clean(value).split(",") if word.strip()]

    def prepare_value(self, value: Any) -> Any:
        """A list as people type it."""
        return ", ".join(value) if isinstance(value, list) else value


def fact_field(name: str, fact: dict[str, Any]) -> forms.Field:
    """The input for one fact of the catalogue."""
    more: dict[str, Any] = {"label": fact["question"], "required": False}
    if fact["type"] == "bool":
        return forms.ChoiceField(choices=YES_NO, **more)
    if fact["type"] == "enum":
        words = [(value, capfirst(phrases.value(value))) for value in fact["values"]]
        return forms.ChoiceField(choices=[("", _("Not answered")), *words], **more)
    if fact["type"] == "list" and fact.get("values"):
        words = [(value, capfirst(phrases.value(value))) for value in fact["values"]]
        return forms.MultipleChoiceField(choices=words, widget=forms.CheckboxSelectMultiple, **more)
    if fact["type"] == "list":
        return ListField(**more)
    return forms.FloatField(**more)


class IntakeForm(forms.Form):
    """The questionnaire and every fact that a requirement may read."""

    def __init__(self, use_case: UseCase, submitted: Any = None) -> None:
        known = queries.known_facts(use_case)
        initial = {name: str(value).lower() if isinstance(value, bool) else value for name, value in known.items()}
        super().__init__(submitted, initial={**initial, **use_case.intake_answers})
        for question in packs.questionnaire()["questions"]:
            if question["axis"] != "none":
                choices = [(option["value"], option["label"]) for option in question["options"]]
                self.fields[question["id"]] = forms.ChoiceField(
                    label=f"{question['id']}. {question['text']}",
                    choices=choices,
                    widget=forms.RadioSelect,
                    required=False,
                )
        for name, fact in packs.facts().items():
            if name not in ANSWERED_ELSEWHERE:
                self.fields[name] = fact_field(name, fact)

    def questions(self) -> list[Any]:
        """The fields of the questionnaire."""
        return [self[name] for name in self.fields if name not in packs.facts()]

    def groups(self) -> list[dict[str, Any]]:
        """The facts by what they are about."""
        names = [name for name in self.fields if name in packs.facts()]
        return [
            {"key": key, "title": title, "fields": [self[name] for name in names if name.startswith(f"{key}.")]}
            for key, title in GROUPS.items()
        ]

    def answers(self) -> dict[str, Any]:
        """Questionnaire answers that were given; an empty one takes an answer back."""
        return {name: self.cleaned_data[name] or None for name in self.cleaned_data if name not in packs.facts()}

    def facts(self) -> dict[str, Any]:
        """Facts that differ from what is known; an empty one takes an answer back."""
        found = {}
        for name, value in self.cleaned_data.items():
            if name in packs.facts() and name in self.changed_data:
                found[name] = self.as_value(name, value)
        return found

    def as_value(self, name: str, value: Any) -> Any:
        """A form value as the fact's own kind."""
        if value in ("", None, []):
            return None
        kind = packs.facts()[name]["type"]
        if kind == "bool":
            return value == "true"
        return int(value) if kind in ("int", "number") and float(value).is_integer() else value


def tier_choices() -> list[tuple[int, str]]:
    """The tiers with their words."""
    return [(tier, f"{tier}, {packs.tier_row(tier)['label'].lower()}") for tier in packs.TIERS]


class TierForm(forms.Form):
    """A second person confirms the tier."""

    tier = forms.TypedChoiceField(label=_("Tier"), coerce=int, choices=tier_choices)
    reason = forms.CharField(label=_("Reason"), widget=forms.Textarea(attrs={"rows": 3}), required=False, max_length=4_000,
                             help_text=_("Needed when you choose another tier than the proposed one."))  # fmt: skip


class WaiverForm(forms.Form):
    """A request for a waiver, started from what is not met."""

    requirement = forms.ChoiceField(label=_("Requirement"))
    environment = forms.ChoiceField(label=_("Environment"), required=False)
    reason = forms.CharField(label=_("Reason"), widget=forms.Textarea(attrs={"rows": 4}), max_length=4_000,
                             help_text=_("Why the requirement cannot be met now. At least 20 characters."))  # fmt: skip
    compensating_control = forms.CharField(label=_("Compensating control"), widget=forms.Textarea(attrs={"rows": 4}), max_length=4_000,
                                           help_text=_("What limits the risk in the meantime. At least 20 characters."))  # fmt: skip
    ends_on = forms.DateField(label=_("Last day"), widget=DateInput())

    def choice(self, name: str) -> forms.ChoiceField:
        """A field whose choices depend on the version."""
        return cast(forms.ChoiceField, self.fields[name])

    def __init__(
        self, version: ModelVersion, rows: list[RequirementResult], submitted: Any = None, initial: Any = None
    ) -> None:
        today = organisation_day(timezone.now())
        longest = services.longest_days(version)
        start = {"ends_on": today + timedelta(days=min(DEFAULT_DAYS, longest)), **(initial or {})}
        super().__init__(submitted, initial=start)
        self.choice("requirement").choices = [(row.id, f"{row.title} ({row.id})") for row in rows]
        places = Environment.objects.order_by("name").values_list("slug", "name")
        self.choice("environment").choices = [("", _("All environments")), *places]
        limit = _("At most %(days)d days from today. The waiver ends by itself after this day.")
        self.fields["ends_on"].help_text = limit % {"days": longest}


class ReasonForm(forms.Form):
    """A decision about a waiver or a framework, with its reason."""

    reason = forms.CharField(label=_("Reason"), widget=forms.Textarea(attrs={"rows": 3}), max_length=4_000)


class WaiverFilter(forms.Form):
    """Which waivers to show."""

    state = forms.ChoiceField(
        label=_("State"), required=False,
        choices=[("", _("All")), ("requested", _("Requested")), ("granted", _("Granted")), ("ended", _("Ended")),
                 ("rejected", _("Rejected")), ("withdrawn", _("Withdrawn"))],
    )  # fmt: skip
    requirement = forms.CharField(label=_("Requirement"), required=False, max_length=120)


def is_on(value: str) -> bool:
    """Whether the choice was to look at a framework."""
    return value == "on"


class FrameworkForm(forms.Form):
    """A wish to change a framework."""

    is_on = forms.TypedChoiceField(
        label=_("Requirements"), coerce=is_on, choices=[("on", _("Look at them")), ("off", _("Leave them out"))]
    )
    is_early = forms.BooleanField(label=_("Ask for them before their legal date"), required=False)
    reason = forms.CharField(label=_("Reason"), widget=forms.Textarea(attrs={"rows": 3}), max_length=4_000)


WEIGHTS = [
    ("minimum", _("Blocks at every tier")),
    ("everywhere", _("Blocks in every environment")),
    ("mandatory", _("Blocks where the tier says so")),
    ("recommended", _("Is shown, does not block")),
    ("", _("Leave it out")),
]


class DraftForm(forms.Form):
    """Other limits and weights for the house rules of a policy."""

    reason = forms.CharField(
        label=_("Reason"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=4_000,
        help_text=_("At least 20 characters."),
    )

    def __init__(self, rules: list[dict[str, Any]], submitted: Any = None) -> None:
        super().__init__(submitted)
        self.house = rules
        for row in rules:
            known = [value for value, _word in WEIGHTS]
            own = (
                [] if row["severity"] in known else [(row["severity"], row["severity"].replace("_", " ").capitalize())]
            )
            choices = [*own, *WEIGHTS]
            self.fields[f"{row['id']}.weight"] = forms.ChoiceField(
                label=_("Weight"), choices=choices, required=False, initial=row["severity"]
            )
            if is_changeable(row["limit"]):
                self.fields[f"{row['id']}.value"] = forms.FloatField(label=_("Limit"), initial=row["limit"]["value"])

    def rows(self) -> list[dict[str, Any]]:
        """The house rules with their fields, for the page."""
        return [
            {"rule": row, "word": OPERATOR_WORDS[row["limit"]["operator"]], "weight": self[f"{row['id']}.weight"],
             "value": self[f"{row['id']}.value"] if f"{row['id']}.value" in self.fields else None}
            for row in self.house
        ]  # fmt: skip

    def rules(self) -> list[dict[str, Any]]:
        """The house rules as they would be."""
        found = []
        for row in self.house:
            weight = self.cleaned_data[f"{row['id']}.weight"]
            value = self.cleaned_data.get(f"{row['id']}.value", row["limit"].get("value"))
            if weight:
                found.append(
                    {**row, "severity": weight, "limit": {**row["limit"], "value": self.same_kind(value, row)}}
                )
        return found

    def same_kind(self, value: Any, row: dict[str, Any]) -> Any:
        """A limit as the number it was: whole ones stay whole."""
        held = row["limit"].get("value")
        return (
            int(value) if isinstance(held, int) and not isinstance(held, bool) and float(value).is_integer() else value
        )


def is_changeable(limit: dict[str, Any]) -> bool:
    """Whether a limit is a number on a measured scale, which people may set otherwise."""
    value = limit.get("value")
    return limit["name"].startswith("metrics.") and isinstance(value, (int, float)) and not isinstance(value, bool)
