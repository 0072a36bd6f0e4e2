"""An approved version and everything around it, so that a random request finds something behind each kind of address."""

import re
from dataclasses import dataclass
from typing import Any

import pytest

from apps.accounts.models import Token, User
from apps.accounts.permissions import SCOPES
from apps.audit import services as audit
from apps.core.models import Job
from apps.evidence.models import Evidence
from apps.gate import services as gate
from apps.policy.models import Policy, PolicyVersion
from apps.registry.models import Deployment
from apps.workflow.models import Signature
from tests import factories
from tests.workflow.conftest import World, again, bare, granted, shelf, world

__all__ = ["bare", "granted", "shelf", "world"]


@dataclass(frozen=True)
class Town:
    """The approved world, who asks, and real values for the parameters of paths."""

    world: World
    headers: dict[str, dict[str, str]]
    known: dict[str, str]

    def value(self, path: str, name: str) -> str | None:
        """Something that exists, for the parameter `name` of an OpenAPI path; None when nothing of that kind does."""
        before = re.search(r"([a-z-]+)/\{" + name + r"\}", path)
        kind = before[1] if before else name
        return self.known.get(f"{kind}.{name}", self.known.get(kind))


def bearer(user: User) -> dict[str, str]:
    """The header of somebody who may call everything their roles allow."""
    return {"Authorization": f"Bearer {factories.token_for(user, *SCOPES)}"}


@pytest.fixture(scope="module")
def town(granted: World, django_db_blocker: Any) -> Town:
    """Built once per module, inside the transaction of `shelf`."""
    with django_db_blocker.unblock():
        made = again(granted)
        question = gate.Question(
            door="test",
            resource={"type": "model_version", "id": made.version.artifact_digest},
            environment=made.production.slug,
        )
        decision = gate.decide(question, asker=made.pipeline)
        audit.sequence_all()
        audit.sign_checkpoint()
        review = made.version.reviews.get()
        officer = {"risk officer": bearer(made.risk_officer), "administrator": bearer(made.administrator)}
        rows: dict[str, Any] = {
            "versions": made.version.pk, "models.name": made.version.model.slug, "models.model": made.version.model.slug,
            "versions.version": made.version.pk, "use-cases": made.use_case.slug, "datasets": made.table.pk,
            "environments": made.production.slug, "reviews": review.pk, "decisions": decision.pk, "users": made.developer.pk,
            "evidence": Evidence.objects.values_list("pk", flat=True).first(), "entries": 1,
            "sign-offs": Signature.objects.values_list("pk", flat=True).first(),
            "deployments": Deployment.objects.values_list("pk", flat=True).first(),
            "policies": Policy.objects.values_list("slug", flat=True).first(),
            "policy-versions": PolicyVersion.objects.values_list("pk", flat=True).first(),
            "tokens": Token.objects.values_list("pk", flat=True).first(),
            "jobs": Job.objects.values_list("pk", flat=True).first(),
            "roles": made.developer.assignments.values_list("pk", flat=True).first(),
        }  # fmt: skip
    known = {kind: str(value) for kind, value in rows.items() if value is not None}
    return Town(made, {"anonymous": {}, **officer}, known)
