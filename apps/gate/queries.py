"""Which version is meant, what its standing answer is, and the decision log."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext

from apps.audit.models import Entry
from apps.gate.models import Clearance, Decision
from apps.policy.models import Framework
from apps.registry.models import ArtifactAlias, Environment, ModelVersion

ONLY_WHOLE = (
    "outcomes",
    "blocking",
    "evidence",
    "waivers",
    "approval",
    "reads",
    "subject_given",
    "resource_given",
    "engine",
)
ONLY_WHOLE_VERSION = ("artifact_files", "training", "features", "endpoint", "output", "reason_note")
NOT_TO_RESOLVE = (
    *ONLY_WHOLE_VERSION,
    *(f"model__use_case__{name}" for name in ("facts", "intake_answers", "tier_arithmetic")),
)
DIGEST = re.compile(r"^sha256:[0-9a-f]{64}$")


@dataclass(frozen=True)
class Resolved:
    """The version a caller means, or the code and sentence why it is not known."""

    version: ModelVersion | None
    by: str = ""
    digest: str = ""
    code: str = ""
    sentence: str = ""


def resolve(resource: dict[str, Any]) -> Resolved:
    """From the resource as given (AuthZEN `resource`) to one model version, by digest and never by a name alone."""
    identifier = str(resource.get("id") or "").strip().lower()
    properties = resource.get("properties") or {}
    digest = identifier.rpartition("@")[2]
    if DIGEST.match(digest):
        return resolve_digest(digest)
    name, version = str(properties.get("name") or resource.get("id") or ""), str(properties.get("version") or "")
    pinned = ModelVersion.objects.filter(model__slug=name, version=version).first()
    if pinned is not None:
        sentence = (
            f"{name} version {version} is a name, and names can be moved. Ask with the digest of the bytes that you deploy: "
            f"{pinned.artifact_digest}."
        )
        return Resolved(None, code="IDENTITY_MUTABLE", sentence=sentence)
    sentence = "The resource id is not a digest. Ask with sha256: and the 64 hexadecimal digits of the artifact."
    return Resolved(None, code="IDENTITY_MUTABLE", sentence=sentence)


def resolve_digest(digest: str) -> Resolved:
    """By manifest digest, the digest of a single file, or the digest of an image."""
    rows = list(
        ArtifactAlias.objects.filter(digest=digest)
        .select_related("version__model__use_case")
        .defer(*(f"version__{name}" for name in NOT_TO_RESOLVE))
        .order_by("version_id")[:3]
    )
    versions = {row.version_id: row for row in rows}
    if len(versions) > 1:
        sentence = "These bytes are registered as more than one version. That is an incident: the registry's owner has to clear it."
        return Resolved(None, by="", digest=digest, code="IDENTITY_CONFLICT", sentence=sentence)
    if not versions:
        sentence = (
            f"No registered model version has these bytes ({digest[:23]}…). Register the version before you deploy it."
        )
        return Resolved(None, digest=digest, code="UNKNOWN_MODEL", sentence=sentence)
    row = next(iter(versions.values()))
    return Resolved(row.version, by=str(row.kind), digest=digest)


def environment_named(slug: str) -> Environment | None:
    """The environment with this slug, or None."""
    if not slug or len(slug) > 200 or "\x00" in slug:
        return None
    return Environment.objects.filter(slug=slug).first()


def rule_families() -> dict[str, str]:
    """What people call the sets that rules come from, by the name a decision stores."""
    rows = Framework.objects.order_by("slug", "library_version").values_list("slug", "short_name")
    return {"house": gettext("House rules"), "minimum-evidence": gettext("Minimum evidence of the tier"), **dict(rows)}


def clearance_of(version: ModelVersion, environment: Environment) -> Clearance | None:
    """The standing answer, which may be behind its facts: `services.current_clearance` compares them."""
    return Clearance.objects.filter(version=version, environment=environment).first()


def decisions_for(user: Any) -> Any:
    """The decision log this person may read, newest first."""
    return Decision.objects.visible_to(user).select_related("version__model", "environment", "asked_by")


def decisions_listed(user: Any) -> Any:
    """The same as lines of a list: without what only the page of one decision shows, which is most of a row."""
    return decisions_for(user).defer(*ONLY_WHOLE, *(f"version__{name}" for name in ONLY_WHOLE_VERSION))


def until(found: Any, at: datetime | None) -> Any:
    """The decisions that had been made by a moment; all of them without one."""
    return found if at is None else found.filter(asked_at__lte=at)


def clearances_of(version: ModelVersion) -> list[Clearance]:
    """The standing answers of a version, one for each environment it was judged for."""
    rows = Clearance.objects.filter(version=version).select_related("environment")
    return list(rows.order_by("-environment__is_production", "environment__name"))


def matching(found: Any, *, q: str = "", outcome: str = "", environment: Environment | None = None) -> Any:
    """The decisions that fit a filter."""
    if outcome:
        found = found.filter(outcome=outcome)
    if environment:
        found = found.filter(environment=environment)
    if q:
        word = q.strip().removeprefix("sha256:")
        found = found.filter(
            Q(version__model__name__icontains=word)
            | Q(version__version=word)
            | Q(artifact_digest__startswith=f"sha256:{word}")
        )
    return found


def entry_of(decision: Decision) -> Entry | None:
    """The audit entry that binds this decision's digest."""
    row = f"{decision._meta.label_lower}:{decision.pk}"
    return Entry.objects.filter(row=row).select_related("leaf").first()
