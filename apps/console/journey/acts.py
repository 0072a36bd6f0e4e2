"""The acts of the story, each a call or a few; every one may be repeated, because a kill can come at any moment."""

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apps.console.journey.cast import write_private
from apps.console.journey.client import Caller, Refused
from apps.console.journey.story import FOLDER, attestations, dataset_body, statement, story

ACCEPTED_BY = {"privacy": "risk2", "risk2": "privacy", "validator": "risk2"}
ACCEPTS_BY_DEFAULT = "validator"


@dataclass
class Stage:
    """Where the story plays: the address of the product, everyone's token, and what has happened so far."""

    folder: Path
    base: str
    serving: str
    cast: dict[str, Any]
    state: dict[str, Any] = field(default_factory=dict)

    def by(self, username: str) -> Caller:
        """The API as this person."""
        return Caller(self.base, self.cast["users"][username]["token"])

    @property
    def pipeline(self) -> Caller:
        """The API as the training and deployment pipeline."""
        return Caller(self.base, self.cast["pipeline_token"])

    def keep(self, **found: Any) -> None:
        """Remember ids for the next act and the next start."""
        self.state.update(found)
        write_private(self.folder / "state.json", self.state)

    def version(self, name: str) -> dict[str, Any]:
        """A registered version of the story."""
        found: dict[str, Any] = self.state["versions"][name]
        return found


def existing(caller: Caller, path: str) -> Any:
    """The object at this address, None when there is none yet."""
    try:
        return caller.get(path)
    except Refused as refused:
        if refused.status != 404:
            raise
    return None


def once(caller: Caller, read: str, create: str, body: dict[str, Any], *, key: str) -> Any:
    """Read an object, or create it when there is none."""
    return existing(caller, read) or caller.post(create, body, key=key)


VERIFIES = {"risk2": "risk"}
VERIFIES_BY_DEFAULT = "risk2"


def verify_identities(stage: Stage) -> None:
    """Nobody signs until a second person has verified who holds the account; never the administrator who made it."""
    for row in pages(stage.by("admin"), "/api/v1/users"):
        if row["kind"] != "person" or row["username"] == "admin" or row["identity_verified_at"]:
            continue
        by = VERIFIES.get(row["username"], VERIFIES_BY_DEFAULT)
        body = {"method": "staff_record", "reason": "The account was compared with the list of the demo's people."}
        stage.by(by).post(f"/api/v1/users/{row['id']}/verify-identity", body, key=f"verify-{row['id']}")


def prepare(stage: Stage) -> str:
    """Identities, environments, datasets with their terms and fields, use cases with facts and tier, models."""
    verify_identities(stage)
    for row in story()["environments"]:
        once(
            stage.by("admin"),
            f"/api/v1/environments/{row['slug']}",
            "/api/v1/environments",
            row,
            key=f"env-{row['slug']}",
        )
    for row in story()["datasets"]:
        declare_dataset(stage, row)
    for slug, row in story()["use_cases"].items():
        declare_use_case(stage, slug, row)
    for slug, row in story()["models"].items():
        body = {**row, "slug": slug, "owner": "owner"}
        once(stage.by("owner"), f"/api/v1/models/{slug}", "/api/v1/models", body, key=f"model-{slug}")
    return f"{len(story()['use_cases'])} use cases have a tier that a second person confirmed; their data have terms and purposes."


def declare_dataset(stage: Stage, row: dict[str, Any]) -> None:
    """The data steward registers a dataset and says what its columns hold."""
    steward = stage.by("privacy")
    known = stage.state.setdefault("datasets", {})
    if row["name"] not in known:
        found = steward.post("/api/v1/datasets", dataset_body(row), key=f"dataset-{row['name']}")
        known[row["name"]] = found["id"]
        stage.keep(datasets=known)
    body = {"fields": row["fields"], "reason": "First declaration"}
    steward.put(f"/api/v1/datasets/{known[row['name']]}/fields", body)


def declare_use_case(stage: Stage, slug: str, row: dict[str, Any]) -> None:
    """The owner states purpose, KPIs and facts; a risk officer confirms the proposed tier."""
    owner, address = stage.by("owner"), f"/api/v1/use-cases/{slug}"
    body = {key: row[key] for key in ("title", "purpose", "objective", "people_affected", "kpis")}
    found = once(owner, address, "/api/v1/use-cases", {**body, "slug": slug}, key=f"use-case-{slug}")
    if found.get("tier") == row["tier"]:
        return
    stage.by("admin").put("/api/v1/organisation/facts", {"facts": story()["organisation"], "reason": "First answers"})
    owner.put(f"{address}/facts", {"facts": {**story()["facts"], **row["facts"], **row["answers"]}})
    stage.by("risk").post(f"{address}/tier", {"tier": row["tier"], "reason": row["tier_reason"]}, key=f"tier-{slug}")


def train(stage: Stage, name: str) -> dict[str, Any]:
    """Have a version of the story trained outside; it sends lineage and registers itself.

    The script may be killed, or its server may be away: it is run again, unless it got as far as registering.
    """
    versions = stage.state.setdefault("versions", {})
    if name in versions:
        return dict(versions[name])
    row = story()["versions"][name]
    address = f"/api/v1/models/{row['model']}/versions/{row['version']}"
    for tries_left in (2, 1, 0):
        if found := existing(stage.pipeline, address):
            break
        run_training(stage, name, row, is_last_try=not tries_left)
    found = found or stage.pipeline.get(address)
    versions[name] = {
        "id": found["id"], "name": name, "model": row["model"], "version": row["version"],
        "auc": float(found["training"]["metrics"]["auc_holdout"]), "digest": found["artifact_digest"],
        "run_id": found["training"]["run_id"], "url": f"{stage.base}/models/{row['model']}/versions/{row['version']}/",
    }  # fmt: skip
    stage.keep(versions=versions)
    return dict(versions[name])


def run_training(stage: Stage, name: str, row: dict[str, Any], *, is_last_try: bool) -> None:
    """One run of the training script. Raises Refused when it fails and will not be run again."""
    token = stage.folder / "pipeline.token"
    write_private(token, None)
    token.write_text(stage.cast["pipeline_token"])
    command = [
        sys.executable, "-W", "ignore", str(FOLDER / "train.py"), "--server", stage.base, "--token-file", str(token),
        "--data", str(FOLDER / "german_credit.csv"), "--out", str(stage.folder / "data" / name),
        "--models", str(stage.folder / "models"), "--endpoint", stage.serving, "--model", row["model"],
        "--version", row["version"], "--variant", row["variant"], "--reason", row["reason"], "--note", row["note"],
        "--developers", "developer",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0 and is_last_try:
        raise Refused(done.returncode, {"detail": (done.stderr or done.stdout)[-2000:]}, f"training {name}")


SPLITS = ("train", "holdout", "scored")


def declare_splits(stage: Stage, name: str) -> None:
    """The data steward registers the tables that training made, and says which of their columns are protected."""
    model = story()["versions"][name]["model"]
    features = next(row for row in story()["datasets"] if row["name"] == "credit/features")
    for part in SPLITS:
        words = {
            key: value.format(model=story()["models"][model]["name"], part=part) if isinstance(value, str) else value
            for key, value in story()["splits"].items()
        }
        row = {"namespace": features["namespace"], "name": f"credit/{model}/{part}", "kind": "file", **words}
        declare_dataset(stage, {**row, "fields": features["fields"]})


def lineage_of(stage: Stage, name: str) -> str:
    """Read the graph back: which source columns stand behind the version's features."""
    found = stage.by("auditor").get(
        f"/api/v1/lineage/graph?node=version:{stage.version(name)['id']}&direction=up&depth=8"
    )
    datasets = [node for node in found["nodes"] if node["type"] == "dataset"]
    columns = [edge for edge in found["edges"] if "datasetField" in str(edge["from"])]
    if len(datasets) < 3 or not columns:
        raise Refused(500, {"detail": f"{len(datasets)} datasets and {len(columns)} column edges"}, "lineage")
    return f"{len(datasets)} datasets and {len(columns)} column edges stand behind the version."


def measure(stage: Stage, name: str) -> str:
    """Ask for every check the version needs and wait until the workers have finished."""
    version = stage.version(name)
    answer = stage.by("developer").post(
        f"/api/v1/versions/{version['id']}/checks", {"checks": "required"}, key=f"checks-{version['id']}"
    )
    for job in answer["jobs"]:
        stage.by("developer").finished(job["url"] if isinstance(job, dict) else job)
    computed = stage.by("developer").get(f"/api/v1/versions/{version['id']}/evidence?limit=100")["results"]
    return f"{len([row for row in computed if row['source'] == 'computed'])} results computed from the data and the serving endpoint."


def attest(stage: Stage, name: str, *, leave_out: tuple[str, ...] = ()) -> str:
    """People state what no check can compute, and someone else accepts each statement."""
    version = stage.version(name)
    address, row = f"/api/v1/versions/{version['id']}/evidence", story()["versions"][name]
    use_case = story()["use_cases"][story()["models"][row["model"]]["use_case"]]
    there = {
        type_id
        for item in pages(stage.by("auditor"), address)
        for type_id in item["types"]
        if item["source"] != "computed"
    }
    count = 0
    for type_id, stated in attestations().items():
        if type_id in there or type_id in leave_out:
            continue
        by = stated["by"]
        body = statement(type_id, use_case)
        item = stage.by(by).post(address, body, key=f"state-{version['id']}-{type_id}")
        accepter = ACCEPTED_BY.get(by, ACCEPTS_BY_DEFAULT)
        reason = {"reason": "Read against the file it summarises."}
        stage.by(accepter).post(f"/api/v1/evidence/{item['id']}/accept", reason, key=f"accept-{item['id']}")
        count += 1
    return f"{count} statements made and accepted by a second person."


def pages(caller: Caller, address: str) -> list[dict[str, Any]]:
    """Every row of a list, page by page."""
    found: list[dict[str, Any]] = []
    url: str | None = f"{address}?limit=200"
    while url:
        answer = caller.get(url)
        found += answer["results"]
        url = answer.get("next")
    return found


def ask(stage: Stage, name: str, *, environment: str = "production", dry_run: bool = False) -> dict[str, Any]:
    """The pipeline's question to the gate."""
    version = stage.version(name)
    body = {
        "subject": {"type": "pipeline", "id": f"ci:{version['model']}"},
        "action": {"name": "deploy"},
        "resource": {"type": "model_version", "id": version["digest"]},
        "context": {"environment": environment, "dry_run": dry_run},
    }
    answer: dict[str, Any] = stage.pipeline.post("/access/v1/evaluation", body)
    return answer


def expect(answer: dict[str, Any], decision: bool) -> str:
    """The sentence of a decision, when it is the expected one."""
    said = next(iter(answer["context"]["reason_user"].values()))
    if answer["decision"] is not decision:
        raise Refused(500, {"detail": f"{said} {answer['context']['codes']}"}, "gate")
    return str(said)


def submit(stage: Stage, name: str) -> str:
    """The developer submits the version for production."""
    version = stage.version(name)
    reviews = stage.state.setdefault("reviews", {})
    if name not in reviews:
        body = {"environment": "production", "note": story()["versions"][name]["note"]}
        found = stage.by("developer").post(
            f"/api/v1/versions/{version['id']}/submit", body, key=f"submit-{version['id']}"
        )
        reviews[name] = found["id"]
        stage.keep(reviews=reviews)
    return f"Version {version['version']} is submitted; its review has begun."


SIGNS = {
    "model_owner": (
        "owner",
        "responsible",
        "The record is complete and the use is the one described; I am responsible for it.",
    ),
    "validator": (
        "validator",
        "reviewed",
        "Rebuilt from code, data and seed; figures agree and the limits are stated.",
    ),
    "reviewer": (
        "reviewer",
        "reviewed",
        "Read by someone who did not build it; figures and limits agree with the record.",
    ),
    "privacy_officer": (
        "privacy",
        "reviewed",
        "Lawful basis, minimisation and the masking of the customer number hold.",
    ),
    "compliance": (
        "risk2",
        "reviewed",
        "The class under the AI Act and the group figures were examined; nothing stands against it.",
    ),
    "security": (
        "security",
        "reviewed",
        "The endpoint is reachable from the credit system only; no critical finding is open.",
    ),
    "head_of_model_risk": (
        "risk",
        "approved",
        "Approved for production on the evidence listed, within the purpose registered.",
    ),
    "risk_committee": ("risk", "approved", "The committee member agrees on the evidence listed."),
}


def sign(stage: Stage, name: str, *, until: tuple[str, ...] = ()) -> str:
    """Everyone whose turn it is signs what the review shows them, until nobody is left or the role is in `until`."""
    review = f"/api/v1/reviews/{stage.state['reviews'][name]}"
    signed: list[str] = []
    while True:
        found = stage.by("auditor").get(review)
        step = next((row for row in found["steps"] if row["state"] == "open"), None)
        if step is None or step["role"] in until:
            return f"Signed: {', '.join(signed)}." if signed else "Every signature was there already."
        username, meaning, reason = SIGNS[step["role"]]
        person = stage.by(username)
        body = {
            "seen_digest": person.get(review)["seen_digest"],
            "meaning": meaning_for(step, meaning),
            "reason": reason,
            "password": stage.cast["users"][username]["password"],
        }
        person.post(f"{review}/sign-offs", body)
        signed.append(step["title"])


def meaning_for(step: dict[str, Any], preferred: str) -> str:
    """The preferred meaning where the step knows it, else its first."""
    known = [row["meaning"] if isinstance(row, dict) else row for row in step.get("meanings", [preferred])]
    return preferred if preferred in known else known[0]
