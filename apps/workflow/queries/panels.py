"""What the pages about a review show: whose turn, steps, signatures, findings, the challenge log, what is signed."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from apps.audit.models import Entry
from apps.core.models import Immutable
from apps.policy import services as policy
from apps.registry.models import Environment, ModelVersion
from apps.workflow import lifecycle, past, processes
from apps.workflow.models import Comment, Condition, Finding, Review, Signature, Step, printed_names
from apps.workflow.queries.actions import Action, actions_for, why_not
from apps.workflow.queries.content import meaning_sentence
from apps.workflow.queries.queue import Turn, claimer, whose_turn
from apps.workflow.queries.readiness import Candidate, obstacles
from apps.workflow.queries.standing import Standing, conditions_at, standing_approval, standing_as_at


@dataclass(frozen=True)
class StepRow:
    """A step in the line of steps."""

    step: Step
    number: int
    is_done: bool
    is_now: bool
    signers: list[str]
    claimed_by: Any = None


@dataclass(frozen=True)
class SignatureRow:
    """A signature with the number of its entry in the log; None for the second until it has one."""

    signature: Signature
    entry: int | None
    is_withdrawn: bool = False
    is_superseded: bool = False


@dataclass(frozen=True)
class Panel:
    """Everything the panels of a version's page show about its approval."""

    version: ModelVersion
    standing: Standing
    review: Review | None
    turn: Turn | None
    actions: list[Action]
    steps: list[StepRow] = field(default_factory=list)
    signatures: list[SignatureRow] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)
    finding_count: int = 0
    comment_count: int = 0
    days: int = 0

    @property
    def applying(self) -> list[StepRow]:
        """The steps that this version has to pass."""
        return [row for row in self.steps if row.step.state != Step.State.SKIPPED]

    @property
    def position(self) -> int:
        """Which of the applying steps is open, or how many are done."""
        now = [row.number for row in self.applying if row.is_now]
        return now[0] if now else sum(row.is_done for row in self.applying)

    @property
    def is_last_step(self) -> bool:
        """Whether the step that is open decides."""
        return bool(self.applying) and self.applying[-1].is_now


def panel(
    version: ModelVersion,
    user: Any,
    *,
    environment: Environment | None = None,
    standing: Standing | None = None,
    judgement: Any = None,
    at: datetime | None = None,
) -> Panel:
    """The context of `workflow/turn_panel.html`, `review_panel.html` and `findings_panel.html`, under the name `panel`."""
    if at is not None:
        return panel_as_at(version, standing or standing_as_at(version, at, environment=environment), at)
    standing = standing or standing_approval(version, environment=environment)
    review = standing.review
    findings = list(findings_for(version).open().order_by("due_on", "number"))
    counts: dict[str, Any] = {"finding_count": version.findings.count(), "comment_count": version.comments.count()}
    if review is None:
        candidate = Candidate(version, environment, standing.state)
        return Panel(version, standing, None, None, actions_for(user, candidate, None), findings=findings, **counts)
    candidate = Candidate(version, review.environment, standing.state)
    return Panel(
        version, standing, review, whose_turn(review, user),
        actions_for(user, candidate, review, obstacles=last_step_obstacles(review, judgement)),
        steps=step_rows(review), signatures=signatures_of(review), findings=findings,
        conditions=list(review.conditions.select_related("finding", "owner")),
        days=processes.working_days_between(review.submitted_at.date(), (review.decided_at or timezone.now()).date()) + 1,
        **counts,
    )  # fmt: skip


def panel_as_at(version: ModelVersion, standing: Standing, at: datetime) -> Panel:
    """The same panels as they were: steps, signatures, findings and conditions of then, and nothing to do."""
    rows = findings_for(version).filter(created_at__lte=at).order_by("due_on", "number")
    findings = [row for row in past.findings_at(rows, at) if row.is_open]
    counts: dict[str, Any] = {
        "finding_count": len(rows),
        "comment_count": version.comments.filter(created_at__lte=at).count(),
    }
    review = standing.review
    if review is None:
        return Panel(version, standing, None, None, [], findings=findings, **counts)
    return Panel(
        version, standing, review, whose_turn(review), [], steps=step_rows(review, at=at),
        signatures=signatures_of(review, at=at), findings=findings, conditions=conditions_at(review, at),
        days=processes.working_days_between(review.submitted_at.date(), (review.decided_at or at).date()) + 1, **counts,
    )  # fmt: skip


def last_step_obstacles(review: Review, judgement: Any = None) -> list[str]:
    """Why the deciding step may not approve yet; asked only when it is the open one."""
    step, last = review.open_step, review.last_step
    if step is None or last is None or step.pk != last.pk:
        return []
    if judgement is None or judgement.stage != "approve":
        judgement = policy.assess(review.version, review.environment, stage="approve")
    return obstacles(review, judgement)


def step_rows(review: Review, *, at: datetime | None = None) -> list[StepRow]:
    """The steps of the current round with who signed them, now or until then."""
    signers: dict[Any, list[str]] = defaultdict(list)
    given = Signature.objects.standing() if at is None else Signature.objects.standing_at(at)
    signatures = list(given.filter(review=review, round=review.round))
    printed_names(signatures)
    for signature in signatures:
        signers[signature.step_id].append(signature.printed_name)
    rows = []
    number = 0
    for step in review.round_steps:
        number += step.state != Step.State.SKIPPED
        rows.append(
            StepRow(
                step,
                number,
                is_done=step.state == Step.State.SIGNED,
                is_now=step.state == Step.State.OPEN,
                signers=signers[step.pk],
                claimed_by=claimer(step),
            )  # fmt: skip
        )
    return rows


def signatures_of(review: Review, *, every_round: bool = False, at: datetime | None = None) -> list[SignatureRow]:
    """The signatures of a review, newest first, each with its entry in the log. Withdrawn ones stay and are marked."""
    given = Signature.objects.filter(review=review.pk)
    rows = (
        (given if at is None else given.filter(signed_at__lte=at))
        .select_related("step", "signer", "withdraws")
        .order_by("-signed_at", "-id")
    )
    signatures = list(rows if every_round else rows.filter(round=review.round))
    printed_names(signatures)
    numbers = entry_numbers(signatures)
    withdrawn = {row.withdraws_id for row in signatures if row.withdraws_id}
    return [
        SignatureRow(row, numbers.get(row.pk), row.pk in withdrawn, is_superseded=row.round < review.round)
        for row in signatures
    ]


def entry_numbers(rows: Iterable[Immutable]) -> dict[Any, int | None]:
    """The number in the log of the entry that binds each row, in one query."""
    names = {f"{row._meta.label_lower}:{row.pk}": row.pk for row in rows}
    entries = Entry.objects.filter(row__in=names).select_related("leaf")
    return {names[entry.row]: entry.seq for entry in entries}


def receipt_of(signature: Signature) -> Entry | None:
    """The entry of the log that binds a signature: its number and hash are the receipt."""
    name = f"{signature._meta.label_lower}:{signature.pk}"
    found: Entry | None = Entry.objects.filter(row=name).select_related("leaf").first()
    return found


def withdrawal_of(signature: Signature) -> Signature | None:
    """The signature that withdrew this one."""
    return signature.withdrawals.first()


def may_withdraw(user: Any, signature: Signature) -> bool:
    """Whether this is the signature that the person could withdraw now: their newest one that still counts."""
    if signature.signer_id != user.pk or why_not(user, lifecycle.WITHDRAW_SIGNATURE, signature.review):
        return False
    newest = signature.review.signatures.standing().filter(signer=user).order_by("-signed_at").first()
    return newest is not None and newest.pk == signature.pk


def findings_for(version: ModelVersion) -> Any:
    """The findings of a version with the people in them."""
    return Finding.objects.filter(version=version).select_related(
        "owner", "raised_by", "closed_by", "review", "condition"
    )


@dataclass(frozen=True)
class QuestionThread:
    """A word of the challenge log with everything said to it."""

    comment: Comment
    replies: list[Comment]

    @property
    def state(self) -> str:
        """Where a question stands: open, answered, or settled by an outcome."""
        kinds = {reply.kind for reply in self.replies}
        if Comment.Kind.OUTCOME in kinds:
            return "closed"
        return "answered" if Comment.Kind.ANSWER in kinds else "raised"


def challenge_log(version: ModelVersion, *, at: datetime | None = None) -> list[QuestionThread]:
    """Everything said about a version, as threads, oldest first; what was said about a finding stands with the finding."""
    said = Comment.objects.all() if at is None else Comment.objects.filter(created_at__lte=at)
    replies = Prefetch("replies", queryset=said.select_related("by").order_by("created_at", "id"))
    rows = said.filter(version=version, parent__isnull=True, finding__isnull=True).select_related("by", "review")
    return [
        QuestionThread(row, list(row.replies.all()))
        for row in rows.prefetch_related(replies).order_by("created_at", "id")
    ]


def dissents(version: ModelVersion) -> QuerySet[Comment]:
    """Votes against, and other dissent, in the words of who dissented."""
    rows: QuerySet[Comment] = Comment.objects.filter(version=version, kind=Comment.Kind.DISSENT).select_related(
        "by", "review"
    )
    return rows.order_by("created_at", "id")


@dataclass(frozen=True)
class SigningPage:
    """What a signer is shown: the content by parts, the words they sign, what follows, and why they may."""

    review: Review
    step: Step
    content: dict[str, Any]
    seen_digest: str
    judgement: Any
    meanings: tuple[str, ...]
    statement: str
    is_last: bool
    obstacles: list[str]
    unanswered: int
    signatures: list[SignatureRow]
    valid_until: Any

    @property
    def counts(self) -> dict[str, int]:
        """Outcomes as the page counts them: what counts, apart by met, waived and not met."""
        rows = [row for row in self.judgement.results if row.is_counted]
        met, waived = (sum(row.outcome == word for row in rows) for word in ("satisfied", "waived"))
        return {"met": met, "waived": waived, "open": len(rows) - met - waived}

    @property
    def findings_by_severity(self) -> dict[str, int]:
        """How many findings are open, by severity."""
        found = dict.fromkeys(Finding.Severity.values, 0)
        for item in self.content["findings"]:
            found[item["severity"]] += 1
        return found


def signing_page(review: Review, step: Step, snapshot: Any, judgement: Any) -> SigningPage:
    """The check-answers page of the open step over a kept snapshot."""
    last = review.last_step
    is_last = last is not None and last.pk == step.pk
    threads = challenge_log(review.version)
    meanings = processes.meanings_for(step.kind, is_last=is_last)
    return SigningPage(
        review=review,
        step=step,
        content=snapshot.body,
        seen_digest=snapshot.digest,
        judgement=judgement,
        meanings=meanings,
        statement=meaning_sentence(review, step, meanings[0], snapshot.digest),
        is_last=is_last,
        obstacles=obstacles(review, judgement) if is_last else [],
        unanswered=sum(thread.state == "raised" for thread in threads if thread.comment.kind == Comment.Kind.QUESTION),
        signatures=signatures_of(review),
        valid_until=processes.months_after(timezone.now(), int(review.process.body["approval_valid_months"])),
    )
