"""`manage.py journey`: the demo's story, told to a running product over HTTP. `manage.py demo` runs it."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.audit import services as audit
from apps.console.journey import plot
from apps.console.journey.acts import Stage
from apps.console.journey.cast import gather, hand_over
from apps.policy import services as policy
from apps.workflow import services as workflow


class Command(BaseCommand):
    """Set the stage once, then play every scene that has not been played."""

    help = "Perform the demo's story against the running product (called by `demo`)."

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit 0 when every step held."""
        if not settings.DEMO:
            raise CommandError("The journey makes demo data; it runs in demo mode only. Use `manage.py demo`.")
        folder = Path(os.environ["IMPRIMATUR_DEMO_FOLDER"])
        policy.load_packs()
        workflow.publish_processes(workflow.shipped_definition(), actor=audit.system("packs"))
        cast = gather(folder)
        kept = folder / "state.json"
        state = json.loads(kept.read_text()) if kept.exists() else {}
        stage = Stage(folder, settings.BASE_URL, os.environ["IMPRIMATUR_DEMO_SERVING"], cast, state)
        has_held = plot.perform(stage, self.say)
        hand_over(folder, handed_over(stage))
        if not has_held:
            sys.exit(1)

    def say(self, sentence: str) -> None:
        """One line per step, at once."""
        self.stdout.write(sentence)
        self.stdout.flush()


def handed_over(stage: Stage) -> dict[str, Any]:
    """What `access.json` holds: addresses, accounts, ids and the files of the dossier."""
    main = stage.state.get("versions", {}).get(plot.MAIN, {})
    files = stage.state.get("files", {})
    return {
        "base_url": stage.base,
        "users": stage.cast["users"],
        "pipeline_token": stage.cast["pipeline_token"],
        "use_case": "consumer-credit",
        "model": main.get("model", ""),
        "versions": [
            {key: row[key] for key in ("id", "name", "model", "version", "digest", "url")}
            for row in stage.state.get("versions", {}).values()
        ],
        "dossier": files.get("dossier", ""),
        "bundle": files.get("bundle", ""),
        "trust": files.get("trust", ""),
    }
