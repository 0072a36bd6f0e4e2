"""The data packs of this app, read and checked: facts, questionnaire, process, frameworks, and default policies built from them.

Files may be edited by the organisation, so nothing in them is believed before it is validated and compiled.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml
from django.conf import settings

from apps.core.models import digest_of
from apps.evidence.catalogue import EvidenceType, catalogue
from apps.policy import requirements
from apps.policy.expressions import InvalidExpression

FRAMEWORKS = Path("fixtures/frameworks")
POLICIES = Path("fixtures/policies")
PROCESS = Path("fixtures/processes/process.yaml")

TIERS = (1, 2, 3, 4)
HOUSE = "house"
MINIMUM = "minimum"
EVERYWHERE = "everywhere"

#: What the gate blocks on, by the words of `gate:` in process.yaml. Words that are not here are refused, never guessed.
GATE_BLOCKS = {
    "block on any open mandatory or mandatory_by_policy requirement": (
        MINIMUM, EVERYWHERE, "mandatory", "mandatory_by_policy", "mandatory_if_certified", "mandatory_if_selected",
    ),
    "block on any open mandatory requirement": (MINIMUM, EVERYWHERE, "mandatory"),
    "block on open mandatory requirement; warn on recommended": (MINIMUM, EVERYWHERE, "mandatory"),
    "block on missing minimum evidence only": (MINIMUM, EVERYWHERE),
}  # fmt: skip
#: Outside production only what protects people and data blocks; everything else is shown as not met yet.
TRIAL_BLOCKS = (EVERYWHERE,)

#: Records are written by the product when the work is done; this says from which stage on they are asked for.
RECORD_STAGES = {
    "validation_report": "approve",
    "challenge_record": "approve",
    "findings_register": "approve",
}


class BadPack(ValueError):
    """A data pack does not have the form it must have, or does not compile."""


def path_of(relative: Path) -> Path:
    """Where a pack lies."""
    root: Path = settings.ROOT
    return root / relative


def parse(text: str) -> Any:
    """The content of a YAML text; only plain data, read by the C parser where it is there."""
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506


def read(relative: Path) -> Any:
    """The content of a YAML pack."""
    return parse(path_of(relative).read_text("utf-8"))


@cache
def facts() -> dict[str, dict[str, Any]]:
    """The fact catalogue: name -> {type, question, values}."""
    return {row["name"]: row for row in read(FRAMEWORKS / "support/facts.yaml")["facts"]}


@cache
def fact_types() -> dict[str, str]:
    """The names an `applies_when` may use, with their types."""
    return {name: row["type"] for name, row in facts().items()}


@cache
def field_types() -> dict[str, dict[str, str]]:
    """Evidence type -> its fields with their types, as a pass expression sees them."""
    return {name: kind.fields for name, kind in catalogue().items()}


@cache
def questionnaire() -> dict[str, Any]:
    """The tiering questionnaire with its matrix and floors."""
    return dict(read(FRAMEWORKS / "support/tiering.yaml"))


@cache
def process() -> dict[str, Any]:
    """The process pack: tiers with their numbers, and the minimum evidence."""
    return dict(read(PROCESS))


@cache
def dossier_map() -> dict[str, Any]:
    """The sections of a dossier with the requirements each serves."""
    return dict(read(FRAMEWORKS / "support/dossier-map.yaml"))


def tier_row(tier: int) -> dict[str, Any]:
    """The row of one tier in the process pack."""
    return next(row for row in process()["tiers"] if row["tier"] == tier)


def framework_files() -> list[Path]:
    """The framework files that ship, in order."""
    return sorted(path_of(FRAMEWORKS).glob("*.yaml"))


def read_framework(text: str) -> dict[str, Any]:
    """A framework from the text of its file, validated against the schema and compiled. Raises BadPack."""
    body = parse(text)
    schema = json.loads(path_of(FRAMEWORKS / "support/framework.schema.json").read_text("utf-8"))
    errors = [
        f"{'/'.join(map(str, error.instance_path))}: {error.message}"
        for error in jsonschema_rs.validator_for(schema).iter_errors(body)
    ]
    if errors:
        raise BadPack("; ".join(errors[:5]))
    groups = {group["id"] for group in body["groups"]}
    seen: set[str] = set()
    for row in body["requirements"]:
        if row["group"] not in groups:
            raise BadPack(f"{row['id']}: there is no group {row['group']}")
        if row["id"] in seen:
            raise BadPack(f"{row['id']} appears twice")
        seen.add(row["id"])
    try:
        for row in framework_requirements(body, is_early=False):
            requirements.compile_requirement(row, fact_types(), field_types())
    except InvalidExpression as trouble:
        raise BadPack(str(trouble)) from trouble
    return dict(body)


def framework_requirements(body: Mapping[str, Any], *, is_early: bool) -> list[dict[str, Any]]:
    """The requirements of a framework as rows of a policy body."""
    framework = body["framework"]
    return [
        {
            "id": row["id"],
            "title": row["title"],
            "framework": framework["id"],
            "ref": f"{framework['short_name']} {row['ref']}",
            "obligation": row["obligation"],
            "kind": row["kind"],
            "scope": row["scope"],
            "severity": row["severity"],
            "role": _role(row),
            "applies_when": row["applies_when"],
            "effective": row["effective"],
            "is_early": is_early,
            "evidence": [_evidence_row(item["type"], item["pass"]) for item in row["evidence"]],
            "pass_rule": row["pass_rule"],
        }
        for row in body["requirements"]
    ]


def _role(row: Mapping[str, Any]) -> str:
    kind = catalogue().get(row["evidence"][0]["type"])
    return kind.produced_by if kind else "model_owner"


def _evidence_row(type_id: str, text: str) -> dict[str, Any]:
    kind = catalogue().get(type_id)
    if kind is None:
        raise InvalidExpression(f"there is no evidence type {type_id}")
    return {
        "type": type_id,
        "title": kind.title,
        "pass": text,
        "stage": stage_of(kind),
        "role": kind.produced_by,
        "computed": dict(kind.computed),
    }


def stage_of(kind: EvidenceType) -> str:
    """From which stage on an evidence type is asked for."""
    return RECORD_STAGES.get(kind.id, "gate") if kind.is_record else "submit"


def minimum_types(tier: int) -> dict[str, str]:
    """Evidence type -> the condition under which the tier's minimum evidence includes it."""
    minimum = process()["minimum_evidence"]
    wanted = dict.fromkeys(minimum["4"], "true")
    for step in (3, 2, 1):
        if tier <= step:
            wanted |= dict.fromkeys(minimum[f"{step}_adds"], "true")
            key = f"when_use_affects_persons_tier_{step}_up"
            wanted |= dict.fromkeys(minimum.get(key, ()), "use.affects_persons")
    for fact in ("data.personal", "model.vendor", "model.genai"):
        wanted |= dict.fromkeys(minimum[f"when_{fact.replace('.', '_')}"], fact)
    return wanted


def minimum_requirements(tier: int) -> list[dict[str, Any]]:
    """One requirement per minimum-evidence entry of the tier."""
    rows = []
    for type_id, condition in minimum_types(tier).items():
        kind = catalogue()[type_id]
        rows.append({
            "id": f"MIN-{type_id}", "title": kind.title, "framework": "minimum-evidence", "ref": f"Minimum evidence, tier {tier}",
            "obligation": kind.description, "kind": "document", "scope": kind.scope, "severity": MINIMUM,
            "role": kind.produced_by, "applies_when": condition, "effective": [], "is_early": False,
            "evidence": [_evidence_row(type_id, "accepted")], "pass_rule": "all",
        })  # fmt: skip
    return rows


def house_rules() -> list[dict[str, Any]]:
    """The named thresholds of `fixtures/policies/`, in file order."""
    return [
        row
        for path in sorted(path_of(POLICIES).glob("*.yaml"))
        for row in parse(path.read_text("utf-8"))["requirements"]
    ]


def house_requirements(tier: int, rules: Iterable[Mapping[str, Any]] | None = None) -> list[dict[str, Any]]:
    """The named thresholds that this tier is held to, as rows of a policy body."""
    common = {
        "kind": "build",
        "scope": "model_version",
        "effective": [],
        "is_early": False,
        "evidence": [],
        "pass_rule": "all",
    }
    return [
        {**common, **{key: value for key, value in row.items() if key != "tiers"}, "framework": HOUSE}
        for row in (house_rules() if rules is None else rules)
        if tier in row.get("tiers", TIERS)
    ]


def blocks_on(tier: int, *, is_production: bool) -> tuple[str, ...]:
    """The severities that block. Raises BadPack when the words of the process pack are not known."""
    words = tier_row(tier)["gate"]
    if words not in GATE_BLOCKS:
        raise BadPack(f"Tier {tier} has the gate rule “{words}”, which is not one of: {'; '.join(GATE_BLOCKS)}.")
    return GATE_BLOCKS[words] if is_production else TRIAL_BLOCKS


def policy_body(
    tier: int,
    *,
    is_production: bool,
    frameworks: Iterable[tuple[Mapping[str, Any], str, bool]],
    rules: Iterable[Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """The default policy of a tier from active frameworks, given as (body, digest, is_early)."""
    active = list(frameworks)
    rows = house_requirements(tier, rules) + minimum_requirements(tier)
    for body, _, is_early in active:
        rows += framework_requirements(body, is_early=is_early)
    return {
        "tier": tier,
        "is_production": is_production,
        "has_own_rules": rules is not None,
        "blocks_on": list(blocks_on(tier, is_production=is_production)),
        "frameworks": [
            {
                "slug": body["framework"]["id"],
                "library_version": body["framework"]["library_version"],
                "digest": digest,
                "is_early": is_early,
            }
            for body, digest, is_early in active
        ],
        "requirements": rows,
    }


def fingerprint() -> str:
    """A digest over everything the default policies are built from, so that loading twice changes nothing."""
    paths = [
        *framework_files(),
        path_of(PROCESS),
        *sorted(path_of(POLICIES).glob("*.yaml")),
        path_of(FRAMEWORKS / "support/evidence-types.yaml"),
        path_of(FRAMEWORKS / "support/facts.yaml"),
    ]
    return digest_of([hashlib.sha256(path.read_bytes()).hexdigest() for path in paths])


@cache
def rule_types() -> dict[str, str]:
    """The names a requirement of ours may use besides facts: what is looked up about the version."""
    return fact_types() | {"version.output_kind": "enum", "kpi.with_baseline": "int"}
