"""The challenge log: comments, questions, answers and outcomes. Never edited, never deleted."""

from django.db import transaction

from apps.accounts.models import User
from apps.audit import services as audit
from apps.core.errors import Invalid
from apps.core.permissions import authorise
from apps.registry.models import ModelVersion
from apps.registry.services import involve
from apps.workflow.models import Comment, Review
from apps.workflow.services.texts import clean_reason

REPLIES = {Comment.Kind.ANSWER, Comment.Kind.OUTCOME}


@transaction.atomic
def comment(
    version: ModelVersion,
    *,
    actor: User,
    text: str,
    kind: str = Comment.Kind.COMMENT,
    review: Review | None = None,
    parent: Comment | None = None,
) -> Comment:
    """Say something about a version: a comment, a question, an answer to one, or the outcome of one."""
    authorise(actor, "workflow.comment", version)
    refuse_wrong_place(version, kind, parent)
    said = Comment(
        version=version, review=review, parent=parent, kind=kind, text=clean_reason(text, pointer="/text"), by=actor
    )
    said.save()
    audit.record(
        actor, "workflow.commented", version, data={"kind": kind, "comment": str(said.pk)}, changes=[version], row=said
    )
    involve(version, actor, "answered" if kind == Comment.Kind.ANSWER else "commented")
    return said


def refuse_wrong_place(version: ModelVersion, kind: str, parent: Comment | None) -> None:
    """Raise Invalid when an answer answers nothing, or what it answers is no question about this version."""
    open_kinds = {Comment.Kind.COMMENT, Comment.Kind.QUESTION, Comment.Kind.DISSENT, *REPLIES}
    if kind not in open_kinds:
        sentence = f"{kind!r} is not one of {', '.join(sorted(open_kinds))}."
        raise Invalid(errors=[{"pointer": "/kind", "code": "UNKNOWN", "detail": sentence}])
    if kind in REPLIES and parent is None:
        sentence = "An answer or an outcome names the question that it belongs to."
        raise Invalid(errors=[{"pointer": "/parent", "code": "MISSING", "detail": sentence}])
    if parent is not None and (parent.version_id != version.pk or parent.kind in REPLIES):
        sentence = "What is answered is a question or a comment about this version."
        raise Invalid(errors=[{"pointer": "/parent", "code": "UNKNOWN", "detail": sentence}])
