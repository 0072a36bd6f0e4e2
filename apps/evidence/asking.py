"""The serving endpoint of a version: who may be asked, how evidence names it, and the scores that checks of one run share."""

from contextlib import ExitStack
from typing import Any

from django.conf import settings

from apps.evidence.checks.base import label
from apps.registry.models import ModelVersion


class Opened(ExitStack):
    """What is open while checks are measured together: files, scorers, and the scores known from earlier in the run."""

    def __init__(self, scores: Any) -> None:
        super().__init__()
        self.scores = scores

    def scorer(self, version: ModelVersion) -> Any:
        """A scorer of the version's endpoint, closed with the others."""
        return self.enter_context(scorer_for(version, self.scores))


def scorer_for(version: ModelVersion, scores: Any = None) -> Any:
    """The scorer of the version's endpoint; the hosts are those the administrator allowed. `scores` are those known already."""
    from apps.evidence.inputs.scoring import Scorer

    endpoint = version.endpoint
    return Scorer(
        url=str(endpoint["url"]), model=str(endpoint.get("model") or version.model.slug), protocol=str(endpoint.get("protocol", "oip-v2")),
        allowed=settings.ALLOWED_SCORING_HOSTS, kinds={}, positive=label((version.output or {}).get("positive", 1)),
        artifact=version.artifact_digest, remembered=scores,
    )  # fmt: skip


def endpoint_input(version: ModelVersion) -> dict[str, Any]:
    """How evidence names the endpoint that was asked."""
    return {
        "kind": "endpoint",
        "name": version.endpoint.get("model", ""),
        "role": version.endpoint.get("protocol", ""),
        "uri": version.endpoint["url"],
    }
