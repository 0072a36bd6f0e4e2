"""Forms of the workflow's pages. They read what a person typed; the services decide."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User
from apps.core.errors import Invalid, NotAllowed, WrongState
from apps.registry.models import Environment
from apps.workflow import processes
from apps.workflow.models import Comment, Finding
from apps.workflow.queries import SigningPage

Outcome = TypeVar("Outcome")
REAUTHENTICATION = {"REAUTHENTICATION_FAILED", "CODE_MISSING", "SIGNING_LOCKED", "IDENTITY_NOT_VERIFIED", "PROOF_OLD"}
NO_PASSKEY = {"NO_PASSKEY", "NO_PASSKEY_HERE"}
PASSWORD, PASSKEY = "password", "passkey"
CONDITION_ROWS = 3
CONDITIONS, CHANGES = "conditions", "changes"


def attempt(form: forms.Form, act: Callable[[], Outcome]) -> Outcome | None:
    """Call a service; what is wrong with the input lands in the form, everything else is raised for the error pages."""
    try:
        return act()
    except Invalid as refused:
        for error in refused.errors or [{"pointer": "", "detail": str(refused.detail)}]:
            name = error["pointer"].strip("/").split("/")[0]
            form.add_error(name if name in form.fields else None, error["detail"])
    except NotAllowed as refused:
        if refused.code not in REAUTHENTICATION:
            raise
        form.add_error("code" if refused.code == "CODE_MISSING" else "password", str(refused.detail))
    except WrongState as refused:
        if refused.code not in NO_PASSKEY:
            raise
        form.add_error(None, str(refused.detail))
    return None


def text_area(label: Any, hint: Any = "", rows: int = 4, **more: Any) -> forms.CharField:
    """A field for a text of some length."""
    return forms.CharField(
        label=label, help_text=hint, widget=forms.Textarea(attrs={"rows": rows}), max_length=4000, **more
    )


def person_field(label: Any, **more: Any) -> forms.ModelChoiceField:
    """A choice among active people."""
    people = User.objects.active().people().order_by("printed_name")
    return forms.ModelChoiceField(label=label, queryset=people, **more)


class ProofForm(forms.Form):
    """A reason, and the components that prove again who is signing."""

    reason = text_area(
        _("Reason"),
        _("At least 20 characters. It is printed in the dossier and cannot be edited later."),
        min_length=20,
        error_messages=dict.fromkeys(("required", "min_length"), _("Enter a reason of at least 20 characters")),
    )
    seen_digest = forms.CharField(widget=forms.HiddenInput, max_length=71)
    password = forms.CharField(
        label=_("Password"), strip=False, max_length=200, required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "class": "is-short"}),
        help_text=_("Every signature asks for it again."),
    )  # fmt: skip
    code = forms.CharField(
        label=_("One-time code"), required=False, max_length=10,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "class": "is-short"}),
        help_text=_("Only if you use an authenticator app."),
    )  # fmt: skip

    use_required_attribute = False  # a passkey needs no password, so the server decides what is missing

    @property
    def is_by_passkey(self) -> bool:
        """Which of the two buttons was pressed."""
        return str(self.data.get("way")) == PASSKEY

    def clean(self) -> dict[str, Any]:
        """The password is missing unless a passkey signs."""
        cleaned = super().clean() or self.cleaned_data
        if not self.is_by_passkey and not cleaned.get("password"):
            self.add_error("password", _("Enter your password to sign"))
        return cleaned

    @property
    def proof(self) -> dict[str, Any]:
        """What the signing service asks for."""
        return {name: self.cleaned_data[name] for name in ("reason", "seen_digest", "password", "code")}


class SignForm(ProofForm):
    """The decision of a step: sign it, approve with conditions, or ask for changes."""

    decision = forms.ChoiceField(label=_("Decision"), widget=forms.RadioSelect)
    opinion = text_area(
        _("Opinion"),
        _("Your conclusion in one or two sentences, as it stands in the validation report."),
        required=False,
    )

    def __init__(self, *args: Any, page: SigningPage, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.page = page
        decision = self.fields["decision"]
        decision.choices = self.choices()  # type: ignore[attr-defined]
        decision.initial = decision.choices[0][0]  # type: ignore[attr-defined]
        self.fields["seen_digest"].initial = page.seen_digest
        if page.step.kind == processes.VALIDATION:
            for key, label in processes.OPINION_PARTS.items():
                self.fields[key] = forms.BooleanField(label=label, required=False)
        else:
            del self.fields["opinion"]
        if page.is_last:
            self.add_condition_rows()

    def choices(self) -> list[tuple[str, str]]:
        """What this step offers; rejecting has a page of its own."""
        name = f"version {self.page.review.version.version}"
        words = {
            "approved": _("Approve {name} for {place}").format(name=name, place=self.page.review.environment),
            "reviewed": _("Sign: reviewed, no objection"),
            "responsible": _("Sign: the record is complete, and I am responsible for it"),
            "authored": _("Sign: I wrote this record"),
        }
        found = [(meaning, str(words[meaning])) for meaning in self.page.meanings if meaning in words]
        if self.page.is_last:
            found.append((CONDITIONS, str(_("Approve with conditions"))))
        return [*found, (CHANGES, str(_("Request changes")))]

    def add_condition_rows(self) -> None:
        """Rows for conditions, each with an owner and a date; empty rows are left out."""
        for row in range(1, CONDITION_ROWS + 1):
            self.fields[f"condition_{row}"] = forms.CharField(label=_("Condition"), required=False, max_length=1000)
            self.fields[f"owner_{row}"] = person_field(_("Owner"), required=False)
            self.fields[f"due_{row}"] = forms.DateField(
                label=_("Due"), required=False, widget=forms.DateInput(attrs={"type": "date"})
            )

    @property
    def condition_rows(self) -> list[dict[str, Any]]:
        """The fields of the condition rows, for the page."""
        if not self.page.is_last:
            return []
        return [
            {name: self[f"{name}_{row}"] for name in ("condition", "owner", "due")}
            for row in range(1, CONDITION_ROWS + 1)
        ]

    @property
    def report_fields(self) -> list[Any]:
        """The fields of the validation report, for the page."""
        return [self[name] for name in (*processes.OPINION_PARTS, "opinion") if name in self.fields]

    @property
    def is_changes(self) -> bool:
        """Whether the person asks for changes instead of signing."""
        return str(self.cleaned_data["decision"]) == CHANGES

    @property
    def meaning(self) -> str:
        """What the signature means."""
        decision = str(self.cleaned_data["decision"])
        return "approved" if decision == CONDITIONS else decision

    @property
    def conditions(self) -> list[dict[str, Any]]:
        """The conditions that were filled in; none unless the decision says so."""
        if self.cleaned_data["decision"] != CONDITIONS:
            return []
        rows = [
            {"text": self.cleaned_data[f"condition_{row}"], "owner": self.cleaned_data[f"owner_{row}"],
             "due_on": self.cleaned_data[f"due_{row}"]}
            for row in range(1, CONDITION_ROWS + 1)
        ]  # fmt: skip
        return [row for row in rows if any(row.values())]

    @property
    def report(self) -> dict[str, Any]:
        """The declared parts of the validation report."""
        return {
            name: self.cleaned_data[name] for name in (*processes.OPINION_PARTS, "opinion") if name in self.cleaned_data
        }

    def clean(self) -> dict[str, Any]:
        """Asking for changes needs a reason and nothing else; a conditional approval needs a condition."""
        cleaned = super().clean() or self.cleaned_data
        decision = cleaned.get("decision")
        if decision == CHANGES and "reason" in cleaned:
            self.errors.pop("password", None)
        if decision == CONDITIONS and not any(cleaned.get(f"condition_{row}") for row in range(1, CONDITION_ROWS + 1)):
            self.add_error("condition_1", _("Write at least one condition, with an owner and a due date."))
        return cleaned


class ReasonForm(forms.Form):
    """A reason and nothing else."""

    reason = text_area(_("Reason"), _("It is kept in the log and shown to everyone who is concerned."))


class SubmitForm(forms.Form):
    """Where the approval is asked for, and what the reviewers should know."""

    environment = forms.ModelChoiceField(label=_("For"), queryset=Environment.objects.none(), empty_label=None)
    note = text_area(_("Note to the reviewers"), _("What is new, and what you want them to look at."), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["environment"].queryset = Environment.objects.order_by("-is_production", "name")  # type: ignore[attr-defined]


class CommentForm(forms.Form):
    """A word in the discussion."""

    kind = forms.ChoiceField(label=_("Kind"), choices=Comment.Kind.choices, initial=Comment.Kind.COMMENT)
    text = text_area(_("Text"), _("It cannot be edited or deleted later."))
    parent = forms.UUIDField(required=False, widget=forms.HiddenInput)


class FindingForm(forms.Form):
    """A new finding."""

    title = forms.CharField(label=_("Finding"), help_text=_("One sentence: what is wrong or unproven."), max_length=200)
    text = text_area(_("Details"), _("What you saw, and what would settle it."))
    severity = forms.ChoiceField(label=_("Severity"), choices=Finding.Severity.choices, initial=Finding.Severity.MEDIUM)
    requirement_id = forms.CharField(required=False, max_length=80, widget=forms.HiddenInput)
    owner = person_field(_("Who has to answer"), help_text=_("The model owner when left empty."), required=False)
    due_on = forms.DateField(label=_("Answer due"), widget=forms.DateInput(attrs={"type": "date", "class": "is-short"}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["due_on"].initial = timezone.now().date() + timedelta(days=10)


class FindingAnswerForm(forms.Form):
    """An answer to a finding, or what its verification said."""

    text = text_area(_("Text"))
    act = forms.CharField(widget=forms.HiddenInput, max_length=10)


class FindingFilterForm(forms.Form):
    """Which findings to list; every field is a GET parameter."""

    q = forms.CharField(label=_("Model, version or words"), required=False, max_length=200)
    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[("open", _("Open")), *Finding.State.choices, ("", _("All"))],
        initial="open",
    )
    severity = forms.ChoiceField(
        label=_("Severity"), required=False, choices=[("", _("Any")), *Finding.Severity.choices]
    )
