"""What an examiner draws and asks, and what people answer."""

from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User
from apps.core.errors import ProductError
from apps.examination import queries
from apps.registry.models import Environment

DAY = {"type": "date"}


def show_refusal(form: forms.Form, error: ProductError) -> None:
    """Put a service's refusal where the reader looks: at the field it names, otherwise on top."""
    named = getattr(error, "errors", None) or [{"pointer": "", "detail": error.detail}]
    for item in named:
        name = item.get("pointer", "").strip("/").split("/")[0]
        form.add_error(name if name in form.fields else None, item["detail"])


class SampleForm(forms.Form):
    """Which decisions, how many, and by which seed."""

    title = forms.CharField(label=_("Title"), max_length=200, help_text=_("What the sample is for."))
    size = forms.IntegerField(label=_("Decisions to draw"), min_value=1, max_value=1000, initial=25)
    least = forms.IntegerField(
        label=_("At least of each stratum"), min_value=0, max_value=1000, initial=2,
        help_text=_("A stratum is a tier with an outcome. Rare ones would be missed by chance."),
    )  # fmt: skip
    since = forms.DateField(label=_("Decided from"), required=False, widget=forms.DateInput(attrs=DAY))
    until = forms.DateField(label=_("Decided until"), required=False, widget=forms.DateInput(attrs=DAY))
    environment = forms.ModelChoiceField(
        Environment.objects.none(), label=_("Environment"), required=False, empty_label=_("All"), to_field_name="slug"
    )
    dry_runs = forms.BooleanField(label=_("Count dry runs too"), required=False)
    seed = forms.CharField(
        label=_("Seed"), max_length=64, required=False, help_text=_("Empty: drawn at random and stored.")
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["environment"].queryset = Environment.objects.visible_to(user)  # type: ignore[attr-defined]

    @property
    def wish(self) -> dict[str, Any]:
        """What the form says, in the service's words."""
        said = self.cleaned_data
        place = said["environment"]
        wanted = {"from": said["since"], "until": said["until"], "environment": place.slug if place else ""}
        wanted |= {"dry_runs": True} if said["dry_runs"] else {}
        return {**{name: said[name] for name in ("title", "size", "least", "seed")}, "wanted": wanted}


class RequestForm(forms.Form):
    """What is needed, from whom, until when."""

    title = forms.CharField(label=_("Title"), max_length=200)
    text = forms.CharField(label=_("What is needed"), widget=forms.Textarea(attrs={"rows": 4}))
    assigned_to = forms.ModelChoiceField(User.objects.none(), label=_("Who answers"))
    due_on = forms.DateField(label=_("Due"), widget=forms.DateInput(attrs=DAY, format="%Y-%m-%d"))

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = User.objects.active().people().exclude(pk=user.pk).order_by("printed_name")
        self.fields["assigned_to"].queryset = people  # type: ignore[attr-defined]
        self.fields["due_on"].initial = queries.today() + timedelta(days=10)


class RequestFilter(forms.Form):
    """Which requests to list."""

    state = forms.ChoiceField(
        label=_("State"), required=False,
        choices=[("", _("All")), ("open", _("Open")), ("overdue", _("Overdue")), ("answered", _("Answered")),
                 ("accepted", _("Accepted"))],
    )  # fmt: skip


class AnswerForm(forms.Form):
    """A text, a link, or both."""

    text = forms.CharField(label=_("Answer"), widget=forms.Textarea(attrs={"rows": 4}), required=False)
    link = forms.URLField(
        label=_("Link"), required=False, max_length=1000, assume_scheme="https",
        help_text=_("To a page of this product or to a document elsewhere."),
    )  # fmt: skip


class VerdictForm(forms.Form):
    """Accept an answer, or say what is missing."""

    reason = forms.CharField(
        label=_("What is missing, or what you looked at"), widget=forms.Textarea(attrs={"rows": 3}), required=False
    )
