"""How entries about reviews read, and how reviews, findings and processes are called."""

from collections.abc import Mapping

from django.urls import reverse

from apps.accounts.queries import uuids_among
from apps.audit.verbs import Name, names, register
from apps.workflow.models import Finding, Process, Review

register(
    {
        "workflow.process_published": "published",
        "workflow.submitted": "submitted",
        "workflow.shown": "showed for signing",
        "workflow.claimed": "began to look at",
        "workflow.signed_off": "signed",
        "workflow.signature_withdrawn": "withdrew a signature from",
        "workflow.signatures_superseded": "set aside earlier signatures of",
        "workflow.dissented": "dissented from",
        "workflow.changes_requested": "requested changes in",
        "workflow.withdrawn": "withdrew",
        "workflow.rejected": "rejected",
        "workflow.approved": "approved",
        "workflow.condition_set": "set a condition in",
        "workflow.conditions_settled": "found the conditions met in",
        "workflow.suspended": "suspended",
        "workflow.revoked": "revoked",
        "workflow.reinstatement_decided": "decided to reinstate",
        "workflow.reinstated": "reinstated",
        "workflow.superseded": "superseded",
        "workflow.went_stale": "found stale",
        "workflow.expired": "found expired",
        "workflow.condition_went_late": "found a condition late in",
        "workflow.stands_again": "found standing again",
        "workflow.finding_raised": "raised",
        "workflow.finding_answered": "answered",
        "workflow.finding_returned": "returned",
        "workflow.finding_closed": "verified and closed",
        "workflow.commented": "commented on",
    }
)


@names("review")
def review_names(keys: set[str]) -> Mapping[str, Name]:
    """Reviews by reference and version."""
    rows = Review.objects.filter(pk__in=uuids_among(keys)).select_related("version__model")
    return {str(row.pk): Name(str(row), reverse("workflow:review-detail", args=[row.pk])) for row in rows}


@names("finding")
def finding_names(keys: set[str]) -> Mapping[str, Name]:
    """Findings by reference and title."""
    rows = Finding.objects.filter(pk__in=uuids_among(keys))
    return {str(row.pk): Name(f"finding {row}", reverse("workflow:finding", args=[row.pk])) for row in rows}


@names("process")
def definition_names(keys: set[str]) -> Mapping[str, Name]:
    """Processes by their tier."""
    tiers = Process.objects.filter(slug__in=keys).values_list("slug", "tier").distinct()
    return {slug: Name(f"the process of tier {tier}") for slug, tier in tiers}
