"""Waiver, discussion, the data event and the dossier of the story's version; then the five versions that show other states."""

import subprocess
import sys
from datetime import date
from typing import Any

from django.conf import settings

from apps.console.journey import acts
from apps.console.journey.acts import Stage
from apps.console.journey.client import Refused
from apps.console.journey.scene import Scene
from apps.console.journey.story import in_days, story
from apps.core import moment

MAIN = "main"


def lacking(name: str) -> tuple[str, ...]:
    """The statement that a version of the story goes without, and that a waiver covers."""
    row = story()["waivers"].get(name)
    return (row["lacks"],) if row else ()


def waive(stage: Stage) -> str:
    """The developer asks for a waiver where a statement is missing; a risk officer grants it with an end."""
    return grant_waiver(stage, MAIN)


def grant_waiver(stage: Stage, name: str) -> str:
    """Ask for and grant the waiver of a version of the story; answers with what it covers and its end."""
    version, row = stage.version(name), story()["waivers"][name]
    waivers = stage.state.setdefault("waivers", {})
    if name not in waivers:
        body = {
            "version": version["id"],
            "environment": "production",
            "requirement": f"MIN-{row['lacks']}",
            "reason": row["reason"],
            "compensating_control": row["control"],
            "ends_on": in_days(row["days"]),
        }
        asked = stage.by("developer").post("/api/v1/waivers", body, key=f"waiver-{version['id']}")
        reason = {"reason": "The gap is known, small and watched; it ends by itself."}
        granted = stage.by("risk").post(f"/api/v1/waivers/{asked['id']}/approve", reason, key=f"grant-{asked['id']}")
        waivers[name] = {"id": granted["id"], "ends_on": granted["ends_on"]}
        stage.keep(waivers=waivers)
    ends = moment.day_in_words(date.fromisoformat(waivers[name]["ends_on"]))
    return f"{row['lacks'].replace('_', ' ').capitalize()} is waived until {ends} with a compensating control."


def discuss(stage: Stage) -> str:
    """The validator asks and raises a finding; the developer answers; the validator verifies and closes it."""
    review = f"/api/v1/reviews/{stage.state['reviews'][MAIN]}"
    if "discussed" not in stage.state:
        question = {"kind": "question", "text": "Why is housing among the inputs when it may stand for age?"}
        asked = stage.by("validator").post(f"{review}/comments", question, key=f"{review}-question")
        answer = {
            "kind": "answer",
            "parent": asked["id"],
            "text": "It adds 0.001 AUC here. The proxy check reports how well it predicts the age band; version 1.1 goes without it.",
        }
        stage.by("developer").post(f"{review}/comments", answer, key=f"{review}-answer")
        finding = {
            "title": "Few applicants above 60 in the held-out rows",
            "text": "21 of 400 held-out rows are above 60; a ratio for them says little.",
            "severity": "medium",
            "owner": "developer",
            "due_on": in_days(10),
        }
        raised = stage.by("validator").post(f"{review}/findings", finding, key=f"{review}-finding")
        address = f"/api/v1/findings/{raised['id']}"
        text = (
            "Rates of groups below 30 rows are not printed, and officers decide on these applicants without the score."
        )
        stage.by("developer").post(f"{address}/answer", {"text": text}, key=f"{address}-answer")
        reason = "The suppression is in the report and the rule is in the limitations."
        stage.by("validator").post(f"{address}/close", {"reason": reason}, key=f"{address}-close")
        stage.keep(discussed=True)
    return "A question was asked and answered; a finding was raised, answered, verified and closed."


def data_event(stage: Stage) -> str:
    """The privacy officer reclassifies a column that the approved version reads."""
    if "data_event" not in stage.state:
        event = story()["data_event"]
        dataset = stage.state["datasets"][event["dataset"]["name"]]
        body = {key: event[key] for key in ("kind", "fields", "reason")}
        found = stage.by("privacy").post(f"/api/v1/datasets/{dataset}/events", body, key=f"event-{dataset}")
        stage.keep(data_event=len(found.get("hits", found.get("versions", []))))
    fields = ", ".join(story()["data_event"]["fields"])
    return f"Column {fields} was reclassified; {stage.state['data_event']} version reads it."


def denied_again(stage: Stage) -> str:
    """The very next question is denied, and says why."""
    return acts.expect(acts.ask(stage, MAIN), False)


def dossier(stage: Stage) -> str:
    """The auditor has a dossier made, and downloads PDF, bundle and trust file."""
    auditor, files = stage.by("auditor"), stage.folder / "dossier"
    if "dossier" not in stage.state:
        version = stage.version(MAIN)
        asked = auditor.post(f"/api/v1/versions/{version['id']}/dossiers", {}, key=f"dossier-{version['id']}")
        auditor.finished(asked["job"])
        stage.keep(dossier=asked["id"])
    address = f"/api/v1/dossiers/{stage.state['dossier']}"
    found = auditor.get(address)
    pdf = auditor.save(f"{address}/pdf", files / "dossier.pdf")
    bundle = auditor.save(f"{address}/bundle", files / "bundle.zip")
    trust = auditor.save("/api/v1/dossiers/trust", files / "trust.json")
    stage.keep(files={"dossier": str(pdf), "bundle": str(bundle), "trust": str(trust)})
    return f"{found['pages']} pages, {pdf.stat().st_size // 1024} kB, sealed; bundle of {bundle.stat().st_size // 1024} kB."


def verify(stage: Stage) -> str:
    """Bundle and PDF are verified by the offline verifier, a program without network and without the product's database."""
    files = stage.state["files"]
    for name in ("bundle", "dossier"):
        command = [sys.executable, str(settings.ROOT / "manage.py"), "verify", files[name], "--trust", files["trust"]]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise Refused(done.returncode, {"detail": (done.stdout + done.stderr)[-2000:]}, f"verify {name}")
    return "Bundle and PDF hold: every check of the offline verifier passed."


def bring_to_review(stage: Stage, name: str) -> None:
    """Train, declare, measure, state: what every version of the story goes through."""
    acts.train(stage, name)
    acts.declare_splits(stage, name)
    acts.measure(stage, name)
    acts.attest(stage, name, leave_out=lacking(name))


def approved(stage: Stage) -> str:
    """Version 1.1 goes the same way without the reclassified column, and is deployed."""
    bring_to_review(stage, "approved")
    acts.submit(stage, "approved")
    acts.sign(stage, "approved")
    return deployed(stage, "approved")


def deployed(stage: Stage, name: str) -> str:
    """Ask, and report the start of what was allowed."""
    deployments = stage.state.setdefault("deployments", {})
    if name in deployments:
        return "It was deployed before."
    answer = acts.ask(stage, name)
    said = acts.expect(answer, True)
    deployments[name] = answer["context"]["deployment"]
    stage.pipeline.post(f"/api/v1/deployments/{deployments[name]}/started", {}, key=f"start-{deployments[name]}")
    stage.keep(deployments=deployments)
    return said


def blocked(stage: Stage) -> str:
    """Version 2.0 reads the marketing segment, which stands for age; the gate says so."""
    bring_to_review(stage, "blocked")
    return acts.expect(acts.ask(stage, "blocked"), False)


def waiting(stage: Stage) -> str:
    """The tier 1 version is signed up to the committee, and waits."""
    bring_to_review(stage, "waiting")
    acts.submit(stage, "waiting")
    acts.sign(stage, "waiting", until=("risk_committee", "accountable_executive"))
    return "It waits for the risk committee, of which the risk officer is a member."


def waived(stage: Stage) -> str:
    """The tier 3 version lacks one statement; the waiver for it ends in three days."""
    bring_to_review(stage, "waived")
    said = grant_waiver(stage, "waived")
    acts.submit(stage, "waived")
    acts.sign(stage, "waived")
    deployed(stage, "waived")
    return said


def retired(stage: Stage) -> str:
    """The trial before the reminder order was approved, ran, ended, and its model is retired."""
    if stage.state.get("retired"):
        return "It is retired."
    bring_to_review(stage, "retired")
    acts.submit(stage, "retired")
    acts.sign(stage, "retired")
    deployed(stage, "retired")
    deployment = stage.state["deployments"]["retired"]
    reason = {"reason": "Replaced by the reminder order"}
    stage.pipeline.post(f"/api/v1/deployments/{deployment}/ended", reason, key=f"end-{deployment}")
    address = f"/api/v1/models/{stage.version('retired')['model']}"
    for state in ("under_decommission", "retired"):
        body = {"state": state, "reason": "Replaced by the reminder order; nothing runs any more."}
        stage.by("owner").post(f"{address}/propose-state", body, key=f"propose-{state}-{address}")
        stage.by("risk").post(f"{address}/confirm-state", body, key=f"confirm-{state}-{address}")
    examine(stage)
    stage.keep(retired=True)
    return "Its deployment ended and its model is retired."


def examine(stage: Stage) -> None:
    """The auditor draws a sample of the story's decisions, and asks the model owner for something, who answers."""
    auditor, wanted = stage.by("auditor"), story()["examination"]
    auditor.post("/api/v1/samples", wanted["sample"], key="examination-sample")
    request = {**wanted["request"], "due_on": in_days(wanted["days"])}
    asked = auditor.post("/api/v1/requests", request, key="examination-request")
    address = f"/api/v1/requests/{asked['id']}"
    stage.by(request["assigned_to"]).post(f"{address}/answers", wanted["answer"], key=f"{address}-answered")


def page(name: str) -> Any:
    """The page of a version of the story."""
    return lambda stage: stage.version(name)["url"]


EPILOGUE = [
    Scene("approved_and_deployed", "Version 1.1 approved and deployed", approved, page("approved")),
    Scene("blocked_by_fairness", "Version 2.0 blocked by its group figures", blocked, page("blocked")),
    Scene("waiting_for_you", "Tier 1 version waiting for the committee", waiting, page("waiting")),
    Scene("waiver_about_to_end", "Tier 3 version with a waiver about to end", waived, page("waived")),
    Scene("retired", "Trial retired", retired, page("retired")),
]
