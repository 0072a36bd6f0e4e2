"""Writes of dossiers: ask for one, and note that one was taken out of the house."""

from django.db import transaction

from apps.accounts.models import User
from apps.audit import services as audit
from apps.core import jobs
from apps.core.errors import Invalid, NotFound, WrongState
from apps.core.permissions import authorise
from apps.dossiers.building import kept
from apps.dossiers.models import Dossier
from apps.dossiers.trust import trust_file
from apps.registry.models import Environment, ModelVersion
from apps.workflow import queries as workflow

__all__ = ["download", "request_dossier", "trust_file"]

FILES = {"pdf": "sealed_sha256", "bundle": "bundle_sha256"}


@transaction.atomic
def request_dossier(
    version: ModelVersion, *, actor: User, order: str = Dossier.Order.ANNEX_IV, environment: Environment | None = None
) -> Dossier:
    """Have a dossier made about a version as it stands now, in a worker. Anyone who may read the version may ask.

    Without an environment it is judged where the newest review asked for, else in production.
    """
    authorise(actor, "dossiers.request", version)
    if order not in Dossier.Order.values:
        raise Invalid(
            errors=[
                {
                    "pointer": "/order",
                    "code": "UNKNOWN_ORDER",
                    "detail": f"An order is one of {', '.join(Dossier.Order.values)}.",
                }
            ]
        )
    dossier = Dossier(version=version, environment=environment or place_of(version), requested_by=actor, order=order)
    dossier.save()
    dossier.refresh_from_db(fields=["number"])
    facts = {"version": str(version.pk), "environment": str(dossier.environment_id), "order": order}
    audit.record(actor, "dossiers.requested", dossier, data=facts)
    dossier.job = jobs.enqueue("dossiers.build", subject=dossier, by=actor, dossier=str(dossier.pk))
    dossier.save(update_fields=["job"])
    return dossier


def place_of(version: ModelVersion) -> Environment:
    """The environment that a dossier speaks about when nobody names one. WrongState when there is none at all."""
    review = workflow.newest_review(version)
    found = review.environment if review is not None else workflow.default_environment()
    if found is None:
        raise WrongState(
            "There is no production environment to judge this version for. An administrator makes one.",
            code="NO_ENVIRONMENT",
        )
    return found


@transaction.atomic
def download(dossier: Dossier, *, kind: str, actor: User) -> bytes:
    """The sealed PDF or the bundle; the log notes who took it. WrongState while it is being made."""
    authorise(actor, "dossiers.download", dossier)
    if kind not in FILES:
        raise NotFound(f"A dossier has no file {kind[:20]!r}.")
    if not dossier.is_ready:
        raise WrongState(f"{dossier.reference} is not ready yet: it is {dossier.state}.", code="NOT_READY")
    sha256 = getattr(dossier, FILES[kind])
    content = kept(sha256)
    audit.record(actor, "dossiers.downloaded", dossier, data={"file": kind, "sha256": sha256})
    return content
