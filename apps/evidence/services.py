"""Writes of evidence: ask for checks, submit, attest, record, mark, and write down reasons. Nothing is ever changed."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import PurePath
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.audit import services as audit
from apps.core import jobs, moment
from apps.core.errors import BadRequest, Invalid, NotFound, TooLarge, WrongState
from apps.core.permissions import authorise
from apps.evidence import artifact, pairing, queries
from apps.evidence import checks as registered
from apps.evidence.catalogue import EvidenceType, catalogue, refuse_wrong_fields, type_named
from apps.evidence.models import CheckRun, Document, Evidence, EvidenceMark, Source
from apps.registry.models import ModelVersion
from apps.registry.services import involve

MOST_FILES = 10
MOST_BYTES = 20 * 1024 * 1024
MOST_CHECKS = 50
LONGEST_SUMMARY = 4000
LONGEST_DOCUMENT = 100_000


# --- checks ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def request_checks(
    version: ModelVersion, *, checks: Sequence[str] | str, actor: User, params: dict[str, dict[str, Any]] | None = None
) -> list[CheckRun]:
    """Ask for checks; they share one job and one reading of each file. "required" asks for all that this version has data for.

    `params` holds parameters per check key. Raises Invalid on an unknown check or parameter."""
    authorise(actor, "evidence.request_checks", version)
    keys = required_checks(version) if checks == "required" else list(dict.fromkeys(checks))
    given = params or {}
    refuse_unknown_checks(keys, given)
    now_waiting = [
        CheckRun(version=version, check_key=key, params=given.get(key, {}), requested_by=actor) for key in keys
    ]
    job = jobs.enqueue("evidence.measure", subject=version, by=actor, runs=[str(run.pk) for run in now_waiting])
    for run in now_waiting:
        run.job = job
    CheckRun.objects.bulk_create(now_waiting)
    audit.record(actor, "evidence.checks_requested", version, data={"checks": keys, "job": str(job.pk)})
    return now_waiting


def required_checks(version: ModelVersion) -> list[str]:
    """The checks that "required" asks for: all that the version has data for, but those done only on request."""
    return [key for key in able_checks(version) if not registered.registry()[key].is_on_request]


def able_checks(version: ModelVersion) -> list[str]:
    """Checks that this version has what they read: datasets in their roles, an endpoint or another version where they need one."""
    roles = set(version.dataset_links.values_list("role", flat=True))
    has = {
        "can_score": bool(version.endpoint.get("url")),
        "can_compare": pairing.other_version(version) is not None,
        "can_open": artifact.can_open(version),
    }
    return [key for key, check in registered.registry().items() if check.can_read(roles, **has)]


def refuse_unknown_checks(keys: Sequence[str], params: dict[str, dict[str, Any]]) -> None:
    """Raise Invalid when a key names no check, a parameter is unknown or ill-typed, or nothing is asked for."""
    if not keys:
        raise Invalid(_("No check was asked for, or this version has no data to read yet. Link a dataset to it first."))
    if len(keys) > MOST_CHECKS:
        raise Invalid(f"{len(keys)} checks were asked for; at most {MOST_CHECKS} at a time.")
    known = registered.registry()
    errors = []
    for key in [*keys, *params]:
        if key not in known:
            text = f"There is no check {key[:60]!r}. Known: {', '.join(known)}."
            errors.append({"pointer": "/checks", "code": "UNKNOWN_CHECK", "detail": text})
    for key, given in params.items():
        for text in known[key].Params.complaints(given) if key in known else []:
            errors.append({"pointer": f"/params/{key}", "code": "WRONG_PARAMETER", "detail": text})
    if errors:
        raise Invalid(errors=errors)


@transaction.atomic
def keep_result(run: CheckRun, result: dict[str, Any], *, job: Any) -> Evidence:
    """Store what a check found as evidence. Raises jobs.Superseded when another worker has taken the job over."""
    jobs.still_mine(job)
    evidence = Evidence(
        version=run.version,
        use_case=run.version.use_case,
        check_key=run.check_key,
        source=Source.COMPUTED,
        dated=queries.today(),
        run=run,
        **result,
    )
    evidence.save()
    CheckRun.objects.filter(pk=run.pk).update(
        state=CheckRun.State.DONE, error="", error_code="", finished_at=timezone.now()
    )
    audit.record(
        audit.system("evidence"),
        "evidence.computed",
        evidence,
        data={
            "check": run.check_key,
            "version": str(run.version_id),
            "result": evidence.result_digest,
            "run": str(run.pk),
        },
        changes=judged_by(evidence),
        row=evidence,
    )
    return evidence


@transaction.atomic
def keep_failure(run: CheckRun, sentence: str, *, code: str, job: Any) -> None:
    """Note why a check could not measure. The version is judged again: a check that fails to run is shown as such."""
    jobs.still_mine(job)
    CheckRun.objects.filter(pk=run.pk).update(
        state=CheckRun.State.FAILED, error=sentence[:2000], error_code=code[:40], finished_at=timezone.now()
    )
    audit.record(
        audit.system("evidence"), "evidence.check_failed", run.version, data={"check": run.check_key, "run": str(run.pk)},
        changes=[run.version],
    )  # fmt: skip


# --- typed evidence ---------------------------------------------------------------------------------------------------


@transaction.atomic
def submit(
    version: ModelVersion,
    *,
    type: str,
    fields: dict[str, Any],
    summary: str,
    actor: User,
    dated: date | None = None,
    valid_until: date | None = None,
    files: Iterable[UploadedFile] = (),
) -> Evidence:
    """Hand in evidence made elsewhere, with its files. It counts when someone else has accepted it."""
    authorise(actor, "evidence.submit", version)
    return _write(version, Source.SUBMITTED, type, fields, summary, actor, dated, valid_until, files)


@transaction.atomic
def attest(
    version: ModelVersion,
    *,
    type: str,
    fields: dict[str, Any],
    summary: str,
    actor: User,
    dated: date | None = None,
    valid_until: date | None = None,
) -> Evidence:
    """State facts under one's own name. They are marked as attested wherever they stand, and someone else accepts them."""
    authorise(actor, "evidence.attest", version)
    return _write(version, Source.ATTESTED, type, fields, summary, actor, dated, valid_until, ())


@transaction.atomic
def record(
    version: ModelVersion,
    *,
    type: str,
    fields: dict[str, Any],
    summary: str,
    actor: Any,
    dated: date | None = None,
    valid_until: date | None = None,
) -> Evidence:
    """Write a record of work that the product itself saw done. For the services of workflow, gate and dossiers only."""
    return _write(version, Source.RECORD, type, fields, summary, actor, dated, valid_until, ())


def _write(
    version: ModelVersion,
    source: str,
    type_id: str,
    fields: dict[str, Any],
    summary: str,
    actor: Any,
    dated: date | None,
    valid_until: date | None,
    files: Iterable[UploadedFile],
) -> Evidence:
    kind = type_named(type_id)
    if kind.is_record and source != Source.RECORD:
        raise Invalid(
            f"{kind.title} is written by the product when the work is done; it cannot be handed in.", code="RECORD"
        )
    refuse_wrong_fields(kind, fields)
    on = dated or queries.today()
    refuse_wrong_dates(on, valid_until)
    evidence = Evidence(
        version=version,
        use_case=version.use_case,
        types={kind.id: fields},
        source=source,
        title=kind.title,
        summary=clean_text(summary, "/summary", LONGEST_SUMMARY),
        dated=on,
        valid_until=valid_until,
        files=keep_files(files),
        produced_by=actor if isinstance(actor, User) else None,
    )
    evidence.save()
    if source != Source.RECORD:
        involve(version, actor, "submitted_evidence")
    audit.record(
        actor, f"evidence.{'recorded' if source == Source.RECORD else source}", evidence,
        data={"type": kind.id, "version": str(version.pk)}, changes=judged_by(evidence), row=evidence,
    )  # fmt: skip
    return evidence


def refuse_wrong_dates(dated: date, valid_until: date | None) -> None:
    """Raise Invalid when evidence is dated in the future, or ends before it begins."""
    if dated > queries.today() + timedelta(days=1):
        raise Invalid(
            f"The evidence is dated {moment.day_in_words(dated)}, which is in the future.", code="DATED_IN_FUTURE"
        )
    if valid_until is not None and valid_until < dated:
        raise Invalid(
            f"Valid until {moment.day_in_words(valid_until)} is before its date {moment.day_in_words(dated)}.",
            code="ENDS_BEFORE_START",
        )


def clean_text(text: str, pointer: str, longest: int) -> str:
    """The text without surrounding space. Raises Invalid when it is empty, too long or holds a NUL."""
    cleaned = text.strip()
    if not cleaned or len(cleaned) > longest or "\x00" in cleaned:
        sentence = (
            f"Write between 1 and {longest} characters." if "\x00" not in cleaned else "The text holds a NUL character."
        )
        raise Invalid(errors=[{"pointer": pointer, "code": "WRONG_TEXT", "detail": sentence}])
    return cleaned


def keep_files(files: Iterable[UploadedFile]) -> list[dict[str, Any]]:
    """Store uploads under their SHA-256 and answer with what identifies them. They are handed out again, never rendered."""
    kept: list[dict[str, Any]] = []
    for upload in files:
        if len(kept) == MOST_FILES:
            raise TooLarge(f"More than {MOST_FILES} files were sent.")
        if upload.size is None or upload.size > MOST_BYTES:
            raise TooLarge(f"{upload.name} is larger than {MOST_BYTES // 1024 // 1024} MiB.")
        content = upload.read()
        if not content:
            raise BadRequest(f"{upload.name} is empty.")
        sha256 = hashlib.sha256(content).hexdigest()
        path = stored_at(sha256)
        if not default_storage.exists(path):
            default_storage.save(path, ContentFile(content))
        name = PurePath(str(upload.name).replace("\\", "/")).name.replace("\x00", "")[:200] or sha256
        kept.append(
            {"name": name, "sha256": sha256, "size": len(content), "media_type": str(upload.content_type or "")[:100]}
        )
    return kept


def stored_at(sha256: str) -> str:
    """Where the storage keeps the file with this hash."""
    return f"evidence/{sha256[:2]}/{sha256}"


def stored_file(sha256: str) -> bytes:
    """The file with this hash. Raises WrongState when what is stored under it is something else, NotFound for nothing."""
    try:
        with default_storage.open(stored_at(sha256)) as file:
            content: bytes = file.read()
    except FileNotFoundError as lost:
        raise NotFound(f"The file with the SHA-256 {sha256} is not in the storage any more.") from lost
    if hashlib.sha256(content).hexdigest() != sha256:
        raise WrongState(
            f"The stored file is no longer the one that was handed in: its SHA-256 is not {sha256}. It is not handed out.",
            code="FILE_CHANGED",
        )
    return content


def judged_by(evidence: Evidence) -> list[Any]:
    """The subjects whose judgements read this item: its version always, wider ones where its types reach wider."""
    changed: list[Any] = [evidence.version or evidence.use_case]
    kinds: list[EvidenceType] = [catalogue()[type_id] for type_id in evidence.types if type_id in catalogue()]
    if any(kind.scope == "model" for kind in kinds) and evidence.use_case:
        changed.append(evidence.use_case)
    if any(kind.scope == "organisation" for kind in kinds):
        changed.append("organisation:self")
    return list(dict.fromkeys(changed))


# --- marks and documents ------------------------------------------------------------------------------------------------


def accept(evidence: Evidence, *, reason: str, actor: User) -> EvidenceMark:
    """Say that a submitted item may count, or that a flag is answered."""
    return _mark(evidence, EvidenceMark.Kind.ACCEPTED, "evidence.accept", reason, actor)


def flag(evidence: Evidence, *, reason: str, actor: User) -> EvidenceMark:
    """Say what is wrong with an item. It stops counting at once, until someone accepts it or newer evidence replaces it."""
    return _mark(evidence, EvidenceMark.Kind.FLAGGED, "evidence.flag", reason, actor)


def withdraw(evidence: Evidence, *, reason: str, actor: User) -> EvidenceMark:
    """Take back what one handed in. The row stays; it stops counting at once."""
    return _mark(evidence, EvidenceMark.Kind.WITHDRAWN, "evidence.withdraw", reason, actor)


@transaction.atomic
def _mark(evidence: Evidence, kind: str, permission: str, reason: str, actor: User) -> EvidenceMark:
    evidence = Evidence.objects.locked(evidence.pk)
    authorise(actor, permission, evidence)
    standing = queries.standing_of(evidence)
    if standing == queries.WITHDRAWN:
        raise WrongState("This item was withdrawn. Nothing more can be said about it; submit a new one.")
    if standing == kind:
        raise WrongState(f"This item is {kind} already.")
    mark = EvidenceMark(evidence=evidence, kind=kind, reason=clean_text(reason, "/reason", LONGEST_SUMMARY), by=actor)
    mark.save()
    if evidence.version is not None and kind != EvidenceMark.Kind.WITHDRAWN:
        involve(evidence.version, actor, "reviewed")
    audit.record(
        actor, f"evidence.{kind}", evidence, reason=mark.reason, data={"digest": evidence.digest},
        changes=judged_by(evidence), row=mark,
    )  # fmt: skip
    return mark


@transaction.atomic
def write_document(version: ModelVersion, *, section: str, title: str, body: str, actor: User) -> Document:
    """Write down reasons about a version, as plain text. A newer text with the same section and title replaces it in print."""
    authorise(actor, "evidence.write_document", version)
    if section not in Document.Section.values:
        known = ", ".join(Document.Section.values)
        raise Invalid(
            errors=[{"pointer": "/section", "code": "UNKNOWN_SECTION", "detail": f"Known sections: {known}."}]
        )
    document = Document(
        version=version,
        section=section,
        title=clean_text(title, "/title", 200),
        body=clean_text(body, "/body", LONGEST_DOCUMENT),
        author=actor,
    )
    document.save()
    involve(version, actor, "answered")
    audit.record(
        actor, "evidence.document_written", version, data={"document": str(document.pk), "section": section},
        changes=[version], row=document,
    )  # fmt: skip
    return document
