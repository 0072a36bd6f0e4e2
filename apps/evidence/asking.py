"""The serving endpoint of a version: who may be asked, how evidence names it, and the scores that checks of one run share."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from django.conf import settings

from apps.evidence.checks.base import label
from apps.registry.models import ModelVersion


class Opened(ExitStack):
    """What is open while checks are measured together: files, scorers, and the scores known from earlier in the run."""

    def __init__(self, scores: Any, stores: Any) -> None:
        super().__init__()
        self.scores, self.stores = scores, stores

    def data(self, uri: str, *, sha256: str, progress: Callable[[str, int, int], None]) -> Any:
        """An open data file, closed with the others; of an object in a store a copy. Raises Unmeasurable."""
        from apps.evidence.inputs import files, objects

        roots = settings.ALLOWED_DATA_ROOTS
        if objects.is_object(uri):
            uri, roots = objects.address(uri, self.stores, most=files.MOST_BYTES, progress=progress)
        return self.enter_context(files.open_file(uri, roots=roots, sha256=sha256, progress=progress))

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
        artifact=version.artifact_digest, remembered=scores, metrics_url=str(endpoint.get("metrics_url") or ""),
    )  # fmt: skip


def endpoint_input(version: ModelVersion) -> dict[str, Any]:
    """How evidence names the endpoint that was asked."""
    return {
        "kind": "endpoint",
        "name": version.endpoint.get("model", ""),
        "role": version.endpoint.get("protocol", ""),
        "uri": version.endpoint["url"],
    }
