"""The order of the story: every step with its name, what it does, and where a reader can see it."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from apps.console.journey import acts, finale
from apps.console.journey.acts import Stage
from apps.console.journey.scene import Scene
from apps.core.errors import ProductError

MAIN = "main"


def at_version(stage: Stage) -> str:
    """The page of the story's version."""
    return str(stage.version(MAIN)["url"])


def at(path: str) -> Callable[[Stage], str]:
    """A page of the product."""
    return lambda stage: f"{stage.base}{path}"


def beside(tab: str) -> Callable[[Stage], str]:
    """A tab of the story's version."""
    return lambda stage: f"{stage.base}/versions/{stage.version(MAIN)['id']}/{tab}/"


def trained(stage: Stage) -> str:
    """The training script's own report."""
    version = acts.train(stage, MAIN)
    acts.declare_splits(stage, MAIN)
    name, auc = f"Consumer credit score {version['version']}", f"{version['auc']:.3f}"
    return f"{name} was trained on 600 rows outside the product; AUC on 400 held-out rows is {auc}."


def registered(stage: Stage) -> str:
    """What the registry answers about the version."""
    found = stage.by("auditor").get(f"/api/v1/versions/{stage.version(MAIN)['id']}")
    count, digest = len(found["features"]), found["artifact_digest"][:23]
    return f"Version {found['version']} is registered with {count} features; its bytes are {digest}…"


def stated(stage: Stage) -> str:
    """Everything that people state, but for what a waiver covers."""
    return acts.attest(stage, MAIN, leave_out=finale.lacking(MAIN))


def denied(stage: Stage) -> str:
    """The gate says no, in both dialects."""
    said = acts.expect(acts.ask(stage, MAIN), False)
    version = stage.version(MAIN)
    question = {
        "subject": {"type": "pipeline", "id": "ci"},
        "action": {"name": "deploy"},
        "resource": {"type": "model_version", "id": version["digest"]},
        "context": {"environment": "production"},
    }
    status, _ = stage.pipeline.raw("POST", "/api/v1/gate/enforce", question)
    if status != 403:
        raise ProductError(f"/gate/enforce answered {status}, not 403")
    return said


def allowed(stage: Stage) -> str:
    """The gate says yes; the pipeline reports that the deployment started."""
    if "deployment" not in stage.state:
        answer = acts.ask(stage, MAIN)
        said = acts.expect(answer, True)
        stage.keep(deployment=answer["context"]["deployment"], decision=answer["context"]["id"], allowed=said)
        stage.pipeline.post(
            f"/api/v1/deployments/{stage.state['deployment']}/started", {}, key=f"start-{stage.state['deployment']}"
        )
    return str(stage.state["allowed"])


PLOT = [
    Scene("prepared", "Use cases, data and people", acts.prepare, at("/use-cases/consumer-credit/")),
    Scene("trained", "Trained outside", trained, at_version),
    Scene("lineage_received", "Lineage received", lambda stage: acts.lineage_of(stage, MAIN), beside("lineage")),
    Scene("version_registered", "Version registered", registered, at_version),
    Scene("evidence_computed", "Evidence computed", lambda stage: acts.measure(stage, MAIN), beside("evidence")),
    Scene("denied", "Denied, with reasons", denied, at("/decisions/")),
    Scene("evidence_stated", "Statements made and accepted", stated, beside("evidence")),
    Scene("waiver_granted", "Waiver granted", finale.waive, at("/waivers/")),
    Scene("submitted", "Submitted", lambda stage: acts.submit(stage, MAIN), at_version),
    Scene("reviewed", "Reviewed: question, answer, finding", finale.discuss, beside("discussion")),
    Scene("signed", "Signed by every role", lambda stage: acts.sign(stage, MAIN), at_version),
    Scene("allowed", "Allowed and deployed", allowed, at("/decisions/")),
    Scene("data_event", "Data event", finale.data_event, at("/datasets/")),
    Scene("denied_again", "Denied again", finale.denied_again, at("/decisions/")),
    Scene("dossier_built", "Dossier built", finale.dossier, at("/dossiers/")),
    Scene("dossier_verified", "Dossier verified offline", finale.verify, at("/dossiers/")),
    *finale.EPILOGUE,
]  # fmt: skip


def perform(stage: Stage, say: Callable[[str], Any]) -> bool:
    """Every scene that has not been played; stops at the first that fails. Whether all of them held."""
    path = stage.folder / "journey.json"
    done = {row["name"]: row for row in json.loads(path.read_text())["steps"]} if path.exists() else {}
    for number, scene in enumerate(PLOT, start=1):
        if done.get(scene.name, {}).get("ok"):
            continue
        started = time.monotonic()
        row = {"name": scene.name, "title": scene.title, "ok": False, "seconds": 0.0, "url": "", "said": ""}
        try:
            row["said"] = scene.act(stage)
            row["ok"], row["url"] = True, scene.where(stage)
        except (ProductError, acts.Refused, OSError, KeyError, ValueError) as failed:
            row["said"] = f"{type(failed).__name__}: {failed}"
        row["seconds"] = round(time.monotonic() - started, 2)
        done[scene.name] = row
        write(path, done)
        mark = "done" if row["ok"] else "FAILED"
        say(f"{number:2d} {scene.title}: {row['said']} {row['url']} ({row['seconds']:.1f} s, {mark})")
        if not row["ok"]:
            return False
    return True


def write(path: Path, done: dict[str, dict[str, Any]]) -> None:
    """`journey.json`: the steps in the order of the plot."""
    steps = [done[scene.name] for scene in PLOT if scene.name in done]
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps({"written_at": datetime.now(UTC).isoformat(), "steps": steps}, indent=1))
    draft.replace(path)
