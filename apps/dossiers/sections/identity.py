"""What was approved, to the byte, and why it has its tier."""

from typing import Any

from apps.dossiers import wording
from apps.dossiers.record import VersionRecord
from apps.registry.models import ModelVersion

Content = dict[str, Any]
LONGEST = 300
NOTE = "Note to this version"
LEGAL = (
    ("eu.ai_class", "AI Act class"),
    ("eu.annex_iii_point", "Annex III point"),
    ("eu.roles", "Role under the AI Act"),
    ("org.sector", "Sector"),
    ("org.jurisdictions", "Jurisdictions"),
    ("use.domain", "Domain"),
    ("use.automation", "Role of people"),
)


def query(record: VersionRecord) -> Content:
    """Identity and tier."""
    return {"identity": identity(record), "files": files(record.version), "tier": tier(record), "legal": legal(record)}


def identity(record: VersionRecord) -> list[Content]:
    """The content of the version, row by row."""
    version, training = record.version, record.version.training
    before = predecessor(version)
    rows = [
        ("Use case", f"{version.use_case.title}: {version.use_case.purpose}", ""),
        ("Model and version", f"{version.model.name}, version {version.version}", ""),
        ("Artifact", f"Format {version.artifact_format or 'not recorded'}", version.artifact_digest),
        ("Container image", version.image or "none recorded", ""),
        ("Version record", "Digest of the registered content", version.digest),
        ("Training run", training.get("run_id", ""), ""),
        ("Code commit", training.get("code_commit", ""), ""),
        ("Environment lock", training.get("environment_lock", ""), ""),
        ("Seed", training.get("seed", ""), ""),
        ("Parameters", parameters(training.get("parameters")), ""),
        ("Served at", served(version.endpoint), ""),
        ("Output", parameters(version.output), ""),
        *[link_row(link) for link in version.dataset_links.select_related("dataset_version__dataset")],
        ("Reason for this version", str(version.get_reason_display()), ""),
        (NOTE, version.reason_note or "none", ""),
        (
            "Version before",
            f"{before.version}, registered {wording.utc(before.created_at)}" if before else "none: this is the first",
            "",
        ),
        ("Registered", f"{wording.utc(version.created_at)} by {version.created_by}", ""),
    ]
    return [named(label, value, digest) for label, value, digest in rows]


def named(label: str, value: Any, digest: str) -> Content:
    """One row; what nobody recorded is said so. Anything that is a digest stands in groups."""
    text = str(value) if value not in (None, "") else "not recorded"
    digits = text.removeprefix("sha256:")
    if not digest and len(digits) in (40, 64) and all(char in "0123456789abcdef" for char in digits):
        text, digest = "SHA-256" if len(digits) == 64 else "", digits
    return {"label": label, "text": wording.plain(text)[:LONGEST], "digest": wording.groups(digest) if digest else []}


def parameters(values: Any) -> str:
    """Names and values in one line."""
    if not isinstance(values, dict) or not values:
        return ""
    return "; ".join(
        f"{name} {wording.value_in_words(value)}" for name, value in values.items() if value not in (None, "")
    )


def served(endpoint: Content) -> str:
    """Where it is asked for scores."""
    if not endpoint.get("url"):
        return "no endpoint named"
    return f"{endpoint['url']} ({endpoint.get('protocol', 'protocol not named')}, model {endpoint.get('model') or 'not named'})"


def link_row(link: Any) -> tuple[str, str, str]:
    """One dataset the version was made from or tried on."""
    state = link.dataset_version
    rows = f"{wording.thousands(state.rows)} rows" if state.rows is not None else "rows not recorded"
    return (str(link.get_role_display()), f"{state.dataset}, {state.key}, {rows}", link.sha256 or state.sha256)


def predecessor(version: ModelVersion) -> ModelVersion | None:
    """The version of the same model registered before."""
    rows = ModelVersion.objects.filter(model=version.model, created_at__lt=version.created_at)
    found: ModelVersion | None = rows.order_by("-created_at", "-id").first()
    return found


def files(version: ModelVersion) -> list[Content]:
    """The files of the artifact."""
    return [
        {
            "path": row["path"],
            "size": wording.thousands(row["size"]),
            "digest": wording.groups(row["sha256"]),
        }
        for row in version.artifact_files
    ]


def tier(record: VersionRecord) -> Content:
    """The arithmetic of the tier, and who confirmed it."""
    use_case = record.version.use_case
    arithmetic = use_case.tier_arithmetic
    confirmed = "not confirmed by a second person"
    if use_case.tier is not None and use_case.tier_confirmed_at:
        by = record.printed(use_case.tier_confirmed_by)
        confirmed = f"confirmed by {by}, {wording.utc(use_case.tier_confirmed_at)}"
    axes = [
        {
            "name": label,
            "parts": [part for part in arithmetic.get("parts", []) if part["axis"] == axis],
            "total": arithmetic.get(axis, ""),
            "band": arithmetic["bands"][place] if arithmetic.get("bands") else "",
        }
        for place, (axis, label) in enumerate((("materiality", "Materiality"), ("inherent", "Inherent risk")))
    ]
    return {
        "tier": use_case.tier,
        "proposed": use_case.proposed_tier,
        "confirmed": confirmed,
        "reason": use_case.tier_reason,
        "axes": axes if arithmetic else [],
        "floors": arithmetic.get("floors", []),
        "open_floors": arithmetic.get("open_floors", []),
        "sentence": arithmetic.get("sentence", ""),
    }


def legal(record: VersionRecord) -> list[list[str]]:
    """Answered facts that decide which law applies."""
    return [[label, wording.value_in_words(record.facts[name])] for name, label in LEGAL if name in record.facts]
