"""Writes of dossiers: ask for one, and note that one was taken out of the house."""

from django.db import transaction

from apps.accounts.models import User
from apps.audit import services as audit
from apps.core import jobs
from apps.core.errors import Invalid, NotFound, WrongState
from apps.core.models import Job
from apps.core.permissions import authorise
from apps.dossiers.building import kept
from apps.dossiers.models import Dossier
from apps.dossiers.trust import trust_file
from apps.registry.models import Environment, ModelVersion
from apps.workflow import queries as workflow

__all__ = ["download", "request_dossier", "request_word", "trust_file"]

FILES = {"pdf": "sealed_sha256", "bundle": "bundle_sha256", "docx": "word_sha256"}


@transaction.atomic
def request_dossier(
    version: ModelVersion,
    *,
    actor: User,
    order: str = Dossier.Order.ANNEX_IV,
    environment: Environment | None = None,
    profile: str = Dossier.Profile.INSIDE,
    has_names: bool = True,
    has_texts: bool = True,
) -> Dossier:
    """Have a dossier made about a version as it stands now, in a worker. Anyone who may read the version may ask.

    Without an environment it is judged where the newest review asked for, else in production. Names and texts can be left
    out for readers outside only: inside, who signed and why belongs to the record.
    """
    authorise(actor, "dossiers.request", version)
    require_known("order", order, Dossier.Order.values)
    require_known("profile", profile, Dossier.Profile.values)
    if profile == Dossier.Profile.INSIDE and not (has_names and has_texts):
        raise Invalid(
            errors=[fault("profile", "NOT_FOR_INSIDE", "Names and texts are left out for readers outside only.")]
        )
    dossier = Dossier(
        version=version, environment=environment or place_of(version), requested_by=actor, order=order, profile=profile,
        has_names=has_names, has_texts=has_texts,
    )  # fmt: skip
    dossier.save()
    dossier.refresh_from_db(fields=["number"])
    facts = {
        "version": str(version.pk), "environment": str(dossier.environment_id), "order": order, "profile": profile,
        "names": "printed" if has_names else "withheld", "texts": "printed" if has_texts else "withheld",
    }  # fmt: skip
    audit.record(actor, "dossiers.requested", dossier, data=facts)
    dossier.job = jobs.enqueue("dossiers.build", subject=dossier, by=actor, dossier=str(dossier.pk))
    dossier.save(update_fields=["job"])
    return dossier


def require_known(field: str, value: str, known: list[str]) -> None:
    """Invalid unless the value is one of those."""
    if value not in known:
        raise Invalid(errors=[fault(field, f"UNKNOWN_{field.upper()}", f"The {field} is one of {', '.join(known)}.")])


def fault(field: str, code: str, detail: str) -> dict[str, str]:
    """What is wrong with one field of what was sent."""
    return {"pointer": f"/{field}", "code": code, "detail": detail}


@transaction.atomic
def request_word(dossier: Dossier, *, actor: User) -> Job:
    """Have the same content written as a Word document for editing, in a worker. WrongState while there is no content."""
    dossier = Dossier.objects.locked(dossier.pk)
    authorise(actor, "dossiers.download", dossier)
    if not dossier.is_ready:
        raise WrongState(f"{dossier.reference} is not ready yet: it is {dossier.state}.", code="NOT_READY")
    before: Job | None = dossier.word_job
    if before is not None and (dossier.word_sha256 or dossier.is_word_asked):
        return before
    dossier.word_job = jobs.enqueue("dossiers.write_word", subject=dossier, by=actor, dossier=str(dossier.pk))
    dossier.save(update_fields=["word_job"])
    audit.record(actor, "dossiers.word_requested", dossier)
    return dossier.word_job


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
    """The sealed PDF, the bundle or the Word document; the log notes who took it. WrongState while it is being made."""
    authorise(actor, "dossiers.download", dossier)
    if kind not in FILES:
        raise NotFound(f"A dossier has no file {kind[:20]!r}.")
    if not dossier.is_ready:
        raise WrongState(f"{dossier.reference} is not ready yet: it is {dossier.state}.", code="NOT_READY")
    sha256: str = getattr(dossier, FILES[kind])
    if not sha256:
        raise WrongState(f"Nobody has asked for {dossier.reference} as a Word document yet.", code="NOT_READY")
    content = kept(sha256)
    audit.record(actor, "dossiers.downloaded", dossier, data={"file": kind, "sha256": sha256})
    return content
