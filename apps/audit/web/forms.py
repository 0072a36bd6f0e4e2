"""The filter of the audit trail."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.audit import queries, verbs

MOST_ACTORS = 200


class EntryFilterForm(forms.Form):
    """Which entries to list; every field is a GET parameter."""

    text = forms.CharField(label=_("Number, digest or object"), required=False, max_length=200)
    actor = forms.ChoiceField(label=_("Actor"), required=False)
    verb = forms.ChoiceField(label=_("What happened"), required=False)
    subject = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        actors, used = queries.in_use()
        actors = actors[:MOST_ACTORS]
        given = str(self.data.get("actor", ""))
        if given and given not in actors:
            actors.append(given)
        self.called = verbs.name_all(actors)
        people = sorted(((ref, self.called[ref].label) for ref in actors), key=lambda pair: pair[1].lower())
        self.fields["actor"].choices = [("", _("Anyone")), *people]  # type: ignore[attr-defined]
        words = [(verb, verbs.phrase(verb)) for verb in used]
        words.sort(key=lambda pair: pair[1])
        self.fields["verb"].choices = [("", _("Anything")), *words]  # type: ignore[attr-defined]

    @property
    def wanted(self) -> dict[str, Any]:
        """What was chosen; nothing when the choice cannot be read."""
        return {name: value for name, value in self.cleaned_data.items() if value} if self.is_valid() else {}
