"""A dossier as OSCAL assessment results (NIST, JSON, 1.2.1), for tools of governance, risk and compliance. Pure.

What the format cannot say is said in its notes: it knows only satisfied and not satisfied, and asks for an assessment plan,
which a dossier does not have. Ids are UUIDs of version 5 made from the ids of the records, so the same record has the same id
in every export.
"""

import re
from collections.abc import Iterable
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from apps.dossiers.tables import pretty, tables_of

Content = dict[str, Any]
VERSION = "1.2.1"
NAMESPACE = "https://imprimatur.example/ns/oscal"
ROOT = uuid5(NAMESPACE_URL, NAMESPACE)
UNASKED = frozenset({"not_applicable", "not_yet_effective"})
REASONS = {"satisfied": "pass", "open": "fail"}
METHODS = {"computed": "TEST", "attested": "INTERVIEW", "submitted": "EXAMINE", "record": "EXAMINE"}
NOT_A_TOKEN = re.compile(r"[^A-Za-z0-9._-]")
NO_PLAN = (
    "A dossier is made from the standing record of a model version, not under an assessment plan; this note stands in its place."
    " What was assessed is the policy that the result names."
)


def identifier(kind: str, key: object) -> str:
    """The id of a record in this format."""
    return str(uuid5(ROOT, f"{kind}:{key}"))


def file_of(content: Content) -> dict[str, bytes]:
    """data/oscal-ar.json."""
    return {"data/oscal-ar.json": pretty(assessment_results(content))}


def assessment_results(content: Content) -> Content:
    """The whole document."""
    tables = tables_of(content)
    requirements = [row for row in tables["requirements"] if row["outcome"] not in UNASKED]
    result = {
        "uuid": identifier("result", content["id"]),
        "title": f"Requirements of version {content['version']} in {content['environment']}",
        "description": content["cover"]["readiness"],
        "start": content["as_at"],
        "end": content["as_at"],
        "props": properties(
            decision=content["cover"]["word"], judged=content["cover"]["judged"], edition=content["edition"]
        ),
        "reviewed-controls": reviewed(tables["requirements"]),
        "observations": [observation(row, content) for row in tables["evidence"]],
        "risks": [*map(finding_as_risk, tables["findings"]), *map(waiver_as_risk, tables["waivers"])],
        "findings": [finding(row, tables) for row in requirements],
    }
    return {
        "assessment-results": {
            "uuid": identifier("dossier", content["id"]),
            "metadata": metadata(content),
            "import-ap": {"href": f"#{identifier('plan', content['id'])}", "remarks": NO_PLAN},
            "results": [{name: value for name, value in result.items() if value}],
            "back-matter": {"resources": resources(content, tables["evidence"])},
        }
    }


def metadata(content: Content) -> Content:
    """What the document is and who answers for it."""
    party = identifier("party", "issuer")
    return {
        "title": f"Dossier {content['reference']}: {content['model']}, version {content['version']}",
        "last-modified": content["as_at"],
        "version": content["reference"],
        "oscal-version": VERSION,
        "props": properties(
            artifact="".join(content["artifact"]), language=content["language"], order=content["order"]
        ),
        "roles": [
            {"id": "assessor", "title": "Who judged: the policy engine, by the policy version named in the result"}
        ],
        "parties": [{"uuid": party, "type": "organization", "name": "Imprimatur"}],
        "responsible-parties": [{"role-id": "assessor", "party-uuids": [party]}],
    }


def reviewed(requirements: Iterable[Content]) -> Content:
    """Which requirements were judged, and which do not apply or are not yet in force."""
    asked = [{"control-id": token(row["id"])} for row in requirements if row["outcome"] not in UNASKED]
    unasked = [{"control-id": token(row["id"])} for row in requirements if row["outcome"] in UNASKED]
    selection: Content = {
        "description": "Every requirement of the policy; left out is what does not apply or is not yet in force."
    }
    if asked:
        selection["include-controls"] = asked
    if unasked:
        selection["exclude-controls"] = unasked
    return {"control-selections": [selection]}


def observation(row: Content, content: Content) -> Content:
    """One item of evidence."""
    kind = row["source"].split(":")[0]
    found = {
        "uuid": identifier("evidence", row["id"]),
        "title": line(f"{row['no']} {row['title']}"),
        "description": f"{row['source']}; dated {row['dated']}; {row['standing']}.",
        "props": properties(number=row["no"], standing=row["standing"], section=row["section"], sha256=row["sha256"]),
        "methods": [METHODS.get(kind, "UNKNOWN")],
        "types": [token(kind)],
        "relevant-evidence": [
            {
                "href": f"#{identifier('record', row['id'])}",
                "description": f"The record with the SHA-256 {row['sha256']}.",
            }
        ],
        "collected": f"{row['dated']}T00:00:00Z",
    }
    if row["valid_until"]:
        found["expires"] = f"{row['valid_until']}T23:59:59Z"
    return found


def finding(row: Content, tables: dict[str, list[Content]]) -> Content:
    """One requirement as it was judged."""
    evidence = {item["no"]: item["id"] for item in tables["evidence"]}
    waivers = [waiver for waiver in tables["waivers"] if waiver["reference"] == row["waiver"]]
    is_met = row["outcome"] == "satisfied"
    found = {
        "uuid": identifier("requirement", row["id"]),
        "title": line(row["title"]),
        "description": row["sentence"] or row["title"],
        "props": properties(
            outcome=row["outcome"], word=row["word"], blocks="yes" if row["is_blocking"] else "no", framework=row["framework"],
            observed=row["observed"], required=row["required"], reference=row["reference"],
        ),
        "target": {
            "type": "objective-id",
            "target-id": token(row["id"]),
            "status": {
                "state": "satisfied" if is_met else "not-satisfied",
                "reason": REASONS.get(row["outcome"], "other"),
                "remarks": f"{row['word']}. {row['fix']}".strip(),
            },
        },
        "related-observations": [
            {"observation-uuid": identifier("evidence", evidence[no])} for no in row["evidence"] if no in evidence
        ],
        "related-risks": [{"risk-uuid": identifier("waiver", waiver["reference"])} for waiver in waivers],
    }  # fmt: skip
    return {name: value for name, value in found.items() if value}


def finding_as_risk(row: Content) -> Content:
    """Something that a person found wrong or unproven."""
    return {
        "uuid": identifier("finding", row["reference"]),
        "title": line(f"{row['reference']} {row['title']}"),
        "description": row["text"],
        "statement": f"{row['severity']}; {row['word']}; raised {row['raised']}. {row['how']}".strip(),
        "props": properties(severity=row["severity"], word=row["word"], owner=row["owner"]),
        "status": "closed" if row["word"].startswith("Closed") else "open",
        "deadline": f"{row['due']}T23:59:59Z",
    }


def waiver_as_risk(row: Content) -> Content:
    """A requirement that is not met and accepted, asked to be, or was."""
    is_granted = row["word"].startswith("In force")
    return {
        "uuid": identifier("waiver", row["reference"]),
        "title": line(f"{row['reference']} {row['title']}"),
        "description": row["reason"],
        "statement": f"{row['word']}. {row['without']}".strip(),
        "props": properties(requirement=row["requirement"], word=row["word"], where=row["where"]),
        "status": "deviation-approved"
        if is_granted
        else "deviation-requested"
        if "equested" in row["word"]
        else "closed",
        "mitigating-factors": [
            {"uuid": identifier("control", row["reference"]), "description": row["control"] or "None is named."}
        ],
    }


def resources(content: Content, evidence: Iterable[Content]) -> list[Content]:
    """The note in place of a plan, the dossier's own content, and the records behind the evidence."""
    found: list[Content] = [
        {"uuid": identifier("plan", content["id"]), "title": "No assessment plan", "description": NO_PLAN},
        {
            "uuid": identifier("content", content["id"]),
            "title": "Everything that the dossier prints",
            "rlinks": [{"href": "dossier.json", "media-type": "application/json"}],
        },
    ]
    for row in evidence:
        resource: Content = {
            "uuid": identifier("record", row["id"]),
            "title": line(f"{row['no']} {row['title']}"),
            "description": "Withheld: only its digest is given."
            if row["is_withheld"]
            else "The record as it was entered.",
            "props": properties(sha256=row["sha256"]),
        }
        if not row["is_withheld"]:
            link = {"href": f"rows/{row['sha256']}.json", "hashes": [{"algorithm": "SHA-256", "value": row["sha256"]}]}
            resource["rlinks"] = [link]
        found.append(resource)
    return found


def properties(**named: str) -> list[Content]:
    """Properties of our own namespace: names that XML allows, values of one line; what is empty is left out."""
    return [
        {"name": name.replace("_", "-"), "ns": NAMESPACE, "value": line(value)}
        for name, value in named.items()
        if line(value)
    ]


def token(text: str) -> str:
    """The text as an XML NCName."""
    found = NOT_A_TOKEN.sub("-", text)
    return found if found[:1].isalpha() or found.startswith("_") else f"_{found}"


def line(text: str) -> str:
    """The text on one line, without blanks at its ends."""
    return " ".join(str(text).split())
