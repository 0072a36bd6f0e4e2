"""What people fill in about accounts. A form checks shape; the service decides, and its refusal comes back as an error here."""

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import Erasure, IdentityMethod, Role, User
from apps.accounts.permissions import SCOPES
from apps.core.errors import ProductError

SCOPE_WORDS = {
    "read": _("Read everything its account may see"),
    "registry:write": _("Register use cases, models, versions and datasets"),
    "lineage:write": _("Send lineage events"),
    "evidence:write": _("Ask for checks and submit evidence"),
    "workflow:write": _("Submit, comment, answer findings"),
    "gate:ask": _("Ask the gate and report deployments"),
    "gate:doors": _("Ask through the doors of Kubernetes, GitHub and GitLab"),
    "dossiers:write": _("Make dossiers"),
    "audit:read": _("Read the audit trail"),
    "admin": _("Administer accounts"),
}


def end_of_day(day: Any) -> datetime | None:
    """The last second of a day in the organisation's zone; ends are meant that way."""
    return datetime.combine(day, time(23, 59, 59), ZoneInfo(settings.ORGANISATION_ZONE)) if day else None


def show_refusal(form: forms.BaseForm, error: ProductError) -> None:
    """Put a service's refusal where the reader looks: at the field it names, otherwise on top."""
    named = getattr(error, "errors", None) or [{"pointer": "", "detail": error.detail}]
    for item in named:
        name = item.get("pointer", "").strip("/").split("/")[0]
        form.add_error(name if name in form.fields else None, item["detail"])


class DateInput(forms.DateInput):
    """The browser's own date picker."""

    input_type = "date"


class TokenForm(forms.Form):
    """A new token."""

    name = forms.CharField(
        label=_("Where it is used"), max_length=100, help_text=_("For example: deploy job of retail-credit")
    )
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"),
        choices=[(scope, SCOPE_WORDS[scope]) for scope in SCOPES],
        widget=forms.CheckboxSelectMultiple,
    )
    environment_slug = forms.SlugField(
        label=_("Only for environment"), required=False, help_text=_("Its short name; empty: for every environment.")
    )
    expires_at = forms.DateField(label=_("Ends on"), widget=DateInput, help_text=_("At most 366 days from today."))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["expires_at"].initial = timezone.localdate() + timedelta(days=90)


class Answer(forms.JSONField):
    """What the browser answered for the authenticator; filled in by script."""

    widget = forms.HiddenInput

    def __init__(self) -> None:
        missing = _("The authenticator gave no answer. Passkeys need JavaScript in this browser.")
        super().__init__(error_messages={"required": missing, "invalid": missing})


class PasskeyForm(forms.Form):
    """A new passkey, with the components that say whose it is."""

    name = forms.CharField(label=_("What you call it"), max_length=100, help_text=_("For example: work laptop"))
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "class": "is-short"}),
    )
    code = forms.CharField(
        label=_("One-time code"),
        required=False,
        max_length=10,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "class": "is-short"}),
        help_text=_("Only if you use an authenticator app."),
    )
    answer = Answer()


class VerifyForm(forms.Form):
    """How one made sure who holds an account."""

    method = forms.ChoiceField(
        label=_("How you made sure"),
        choices=[row for row in IdentityMethod.choices if row[0] != IdentityMethod.EARLIER],
    )
    reason = forms.CharField(label=_("What you saw"), max_length=300)


class ConfirmForm(forms.Form):
    """What one looked at before confirming that an account is still needed with its roles."""

    seen = forms.CharField(required=False, max_length=4000, widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("What you looked at"), max_length=300, help_text=_("For example: list of staff of 1 March. No names.")
    )


class RoleForm(forms.Form):
    """A role for somebody."""

    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
    use_case_slug = forms.SlugField(
        label=_("Only for use case"), required=False, help_text=_("Its short name; empty: for everything.")
    )
    ends_at = forms.DateField(
        label=_("Ends on"), required=False, widget=DateInput, help_text=_("Empty: until it is ended.")
    )
    reason = forms.CharField(label=_("Reason"), max_length=300, help_text=_("It stands in the audit trail."))


class PersonForm(forms.Form):
    """A new account."""

    username = forms.CharField(label=_("User name"), max_length=150, help_text=_("Given once and never again."))
    printed_name = forms.CharField(label=_("Printed name"), max_length=200, help_text=_("As it appears on signatures."))
    email = forms.EmailField(label=_("Email address"), required=False)
    kind = forms.ChoiceField(
        label=_("Kind"), choices=User.Kind.choices, widget=forms.RadioSelect, initial=User.Kind.PERSON
    )
    reports_to = forms.ModelChoiceField(label=_("Reports to"), queryset=User.objects.none(), required=False)
    password = forms.CharField(
        label=_("First password"),
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 12 characters. Leave empty for a service account or single sign-on."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reports_to"].queryset = User.objects.active().people()  # type: ignore[attr-defined]


class ReasonForm(forms.Form):
    """Why something is ended."""

    reason = forms.CharField(label=_("Reason"), max_length=300)


class UsernameForm(forms.Form):
    """Whom it is about, typed."""

    username = forms.CharField(
        label=_("User name of the person"), max_length=150, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )


class ErasureForm(forms.Form):
    """Why a person is to be erased."""

    basis = forms.ChoiceField(label=_("On which basis"), choices=Erasure.Basis.choices, widget=forms.RadioSelect)
    reason = forms.CharField(
        label=_("Reason"),
        max_length=300,
        help_text=_("The number of the request or order. It stays in the log for ever: no names."),
    )


class PeopleFilter(forms.Form):
    """What the list of people shows."""

    text = forms.CharField(
        label=_("Name or user name"), required=False, widget=forms.TextInput(attrs={"type": "search"})
    )
    role = forms.ChoiceField(label=_("Role"), required=False, choices=[("", _("Any role")), *Role.choices])
    kind = forms.ChoiceField(label=_("Kind"), required=False, choices=[("", _("Any kind")), *User.Kind.choices])
