"""Rows of the policy pages, ready to print."""

from datetime import date, datetime
from typing import Any

from apps.policy import packs, phrases, queries, wording
from apps.policy.models import Framework, Policy, PolicyVersion
from apps.policy.requirements import Requirement, compile_requirement, conjuncts

VERIFIED = {
    "primary_copy": "checked against the text",
    "secondary": "from secondary sources",
    "general": "from general knowledge",
}
HOUSE = {"house": "House rules", "minimum-evidence": "Minimum evidence"}


def policy_rows(at: datetime | None = None) -> list[dict[str, Any]]:
    """Every policy with its version in force, now or then, and how many requirements it has."""
    in_force = queries.policies_in_force(at)
    rows = []
    policies = Policy.objects.select_related("environment")
    for policy in policies if at is None else policies.filter(created_at__lte=at):
        version = in_force.get(policy.pk)
        count = len(queries.compiled(version).requirements) if version else 0
        rows.append({"policy": policy, "version": version, "count": count, "drafts": len(queries.drafts(policy, at))})
    return rows


def framework_rows(at: datetime | None = None) -> list[dict[str, Any]]:
    """Every framework with whether it is looked at."""
    return [
        {
            "state": row,
            "framework": row.framework,
            "count": len(row.framework.body["requirements"]),
            "binding": row.framework.binding.replace("_", " "),
            "as_of": day_of(row.framework.body["framework"]["as_of"]),
        }
        for row in queries.framework_states(at)
    ]


def tier_terms(tier: int | None) -> dict[str, Any] | None:
    """What a tier means for a version, in words; None while there is no tier."""
    if not tier:
        return None
    row = packs.tier_row(tier)
    return {**row, "gate": str(row["gate"]).replace("_", " ")}


def day_of(text: Any) -> Any:
    """The day that a pack's text names, or the text itself where it names none."""
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        return text


def requirement_rows(version: PolicyVersion, kept: str) -> list[dict[str, Any]]:
    """The requirements of a policy version by where they come from; `kept` shows only one source, and none folded."""
    titles = {**dict(Framework.objects.values_list("slug", "short_name")), **HOUSE}
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in version.body["requirements"]:
        groups.setdefault(row["framework"], []).append(requirement_row(row, version.body["blocks_on"]))
    return [
        {
            "slug": slug,
            "title": titles.get(slug, slug),
            "rows": rows,
            "count": len(rows),
            "is_shown": kept in ("", slug),
            "is_folded": not kept and slug != packs.HOUSE,
        }
        for slug, rows in groups.items()
    ]


def requirement_row(row: dict[str, Any], blocks_on: list[str]) -> dict[str, Any]:
    """One requirement as the policy page shows it: where it comes from, when it applies, what is required."""
    compiled = requirement_of(row)
    required = wording.required(compiled.limit, None) if compiled.limit else ""
    if not required:
        required = "; ".join(f"{item.title}: {conditions(item.text)}" for item in compiled.items)
    return {
        "id": row["id"], "title": row["title"], "ref": row.get("ref", ""), "severity": row["severity"].replace("_", " "),
        "is_blocking": row["severity"] in blocks_on, "required": required, "obligation": row.get("obligation", ""),
        "applies": applies(row["applies_when"]), "rule": as_written(row),
        "from": [day_of(entry["from"]) for entry in row.get("effective", [])][:1],
    }  # fmt: skip


def framework_requirement(row: dict[str, Any]) -> dict[str, Any]:
    """One requirement as the framework's page shows it: the row of its file with conditions and evidence in words."""
    kinds = packs.catalogue()
    return {
        **row, "applies": applies(row["applies_when"]), "rule": as_written(row), "severity": row["severity"].replace("_", " "),
        "verified": VERIFIED.get(row.get("verified", ""), ""),
        "items": [
            {"title": kinds[item["type"]].title if item["type"] in kinds else item["type"], "says": conditions(item["pass"])}
            for item in row.get("evidence", [])
        ],
    }  # fmt: skip


def applies(text: str) -> str:
    """When a requirement applies, as a clause; the expression itself only where it has no words."""
    return "always" if text == "true" else phrases.said(text) or text


def as_written(row: dict[str, Any]) -> list[str]:
    """The expressions of a requirement as its file writes them; none where they say no more than the words."""
    told = [f"applies when {row['applies_when']}"] if row["applies_when"] != "true" else []
    return told + [f"{item['type']}: {item['pass']}" for item in row.get("evidence", []) if item["pass"] != "accepted"]


def conditions(text: str) -> str:
    """What an item of evidence has to say."""
    return wording.listing([wording.condition(part) for part in conjuncts(text)])


def requirement_of(row: dict[str, Any]) -> Requirement:
    """One row of a policy body, compiled."""
    return compile_requirement(row, packs.rule_types(), packs.field_types())
