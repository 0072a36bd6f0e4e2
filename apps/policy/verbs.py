"""How entries of policy read in the log, and what people call its subjects."""

from django.urls import reverse

from apps.accounts.queries import uuids_among
from apps.audit.verbs import Name, names, register
from apps.policy.models import Framework, Policy, Waiver

register(
    {
        "policy.assessed": "judged",
        "policy.framework_loaded": "loaded a library version of",
        "policy.framework_change_requested": "asked to change",
        "policy.framework_change_confirmed": "confirmed a change of",
        "policy.framework_change_rejected": "refused a change of",
        "policy.policy_created": "created",
        "policy.policy_drafted": "drafted a version of",
        "policy.policy_published": "published a version of",
        "policy.waiver_requested": "asked for",
        "policy.waiver_granted": "granted",
        "policy.waiver_rejected": "refused",
        "policy.waiver_withdrawn": "withdrew",
    }
)


@names("policy")
def policy_names(keys: set[str]) -> dict[str, Name]:
    """Policies by name."""
    rows = Policy.objects.filter(pk__in=uuids_among(keys))
    return {str(row.pk): Name(row.name, reverse("policy:policy", args=[row.slug])) for row in rows}


@names("waiver")
def waiver_names(keys: set[str]) -> dict[str, Name]:
    """Waivers by reference and requirement."""
    rows = Waiver.objects.filter(pk__in=uuids_among(keys))
    return {str(row.pk): Name(str(row), reverse("policy:waiver", args=[row.pk])) for row in rows}


@names("framework")
def framework_names(keys: set[str]) -> dict[str, Name]:
    """Frameworks by their short name."""
    rows = Framework.objects.filter(slug__in=keys).order_by("library_version")
    return {row.slug: Name(row.short_name, reverse("policy:framework", args=[row.slug])) for row in rows}
