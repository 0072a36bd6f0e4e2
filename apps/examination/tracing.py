"""From what runs back to why it may: deployment, decision, signatures, evidence, policy, waivers, each with its digest."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.audit.models import Entry
from apps.core.errors import NotFound
from apps.evidence.models import Evidence
from apps.gate import queries as gate
from apps.gate.models import Decision
from apps.policy.models import Assessment, PolicyVersion, Waiver
from apps.registry import queries as registry
from apps.registry.models import Deployment, ModelVersion
from apps.workflow.models import Manifest, Review, Signature, printed_names
from apps.workflow.queries.panels import entry_numbers

KINDS = ("deployment", "decision", "version")
NOTHING = UUID(int=0)  # the id of no row
APART = {"not_applicable", "not_yet_effective"}


@dataclass(frozen=True)
class Link:
    """One record of the chain: what it is, its digest, the entry of the log that binds it, and whether it still fits."""

    kind: str
    id: str
    title: str
    note: str = ""
    at: datetime | None = None
    digest: str = ""
    entry: int | None = None
    is_unchanged: bool | None = None
    state: str = ""
    url: str = ""


@dataclass
class Trace:
    """Everything that a decision rested on."""

    version: ModelVersion
    decision: Decision | None
    deployment: Deployment | None = None
    review: Review | None = None
    manifest: Link | None = None
    decided: Link | None = None
    policy: Link | None = None
    assessment: Link | None = None
    signatures: list[Link] = field(default_factory=list)
    evidence: list[Link] = field(default_factory=list)
    waivers: list[Link] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=dict)
    moves: list[Link] = field(default_factory=list)

    @property
    def links(self) -> list[Link]:
        """Every record of the chain."""
        single = [self.decided, self.manifest, self.policy, self.assessment]
        rows = [*single, *self.signatures, *self.evidence, *self.waivers, *self.moves]
        return [row for row in rows if row is not None]

    @property
    def checked(self) -> list[Link]:
        """The records whose content was hashed again just now."""
        return [row for row in self.links if row.is_unchanged is not None]

    @property
    def changed(self) -> list[Link]:
        """Those that no longer give the digest under which they were used."""
        return [row for row in self.checked if not row.is_unchanged]

    @property
    def missing(self) -> list[Link]:
        """Those that no longer have an entry, or have none yet."""
        return [row for row in self.links if row.entry is None]

    @property
    def unsettled_evidence(self) -> list[Link]:
        """Items of evidence to look at: changed, or without an entry."""
        return [row for row in self.evidence if row.is_unchanged is False or row.entry is None]

    @property
    def settled_evidence(self) -> list[Link]:
        """Items of evidence that are as they were used, each bound by an entry; a phone folds them."""
        return [row for row in self.evidence if row not in self.unsettled_evidence]

    @property
    def sentence(self) -> str:
        """What the chain shows, in one sentence."""
        if self.decision is None:
            return f"The gate was never asked about {self.version}, so nothing of it was let through here."
        if self.changed:
            names = ", ".join(row.title for row in self.changed[:3])
            return f"{len(self.changed)} of {len(self.checked)} records do not have the digest under which they were used: {names}."
        whole = f"All {len(self.checked)} records have the digest under which they were used"
        if self.missing:
            return f"{whole}; {len(self.missing)} of {len(self.links)} have no entry in the log yet."
        return f"{whole}, and each of the {len(self.links)} is bound by an entry of the log."


def trace_of(kind: str, pk: Any, *, user: Any) -> Trace:
    """The chain behind a deployment, a decision, or what was last decided about a version, for who may see it."""
    if kind == "deployment":
        deployment = registry.deployment_for(user, pk)
        decision = gate.decisions_for(user).filter(pk=deployment.decision_id).first()
        return _complete(Trace(deployment.version, decision, deployment))
    if kind == "decision":
        decision = gate.decisions_for(user).filter(pk=pk).first()
        if decision is None or decision.version is None:
            raise NotFound("There is no such decision about a registered version, or you may not see it.")
        given = Deployment.objects.filter(pk=decision.deployment_id or NOTHING).select_related("environment").first()
        return _complete(Trace(registry.version_for(user, decision.version_id), decision, given))
    if kind != "version":
        raise NotFound(f"A trace starts from one of {', '.join(KINDS)}.")
    version = registry.version_for(user, pk)
    running = Deployment.objects.filter(version=version).select_related("environment").order_by("-id").first()
    rows = gate.decisions_for(user).filter(version=version)
    decision = rows.filter(pk=running.decision_id).first() if running else rows.filter(is_dry_run=False).first()
    return _complete(Trace(version, decision, running))


def _complete(trace: Trace) -> Trace:
    """Read what the decision names, by id and digest; nothing is looked up that it did not rest on."""
    decision = trace.decision
    if decision is None:
        return trace
    rows = _Records(decision)
    trace.review = rows.review
    words, approved = "what the approval stands on, frozen", decision.approval.get("manifest")
    trace.decided = rows.link(
        decision, "decision", f"Decision {decision.short_id}", decision.sentence, at=decision.asked_at
    )
    trace.decided = replace(trace.decided, state=decision.outcome)
    trace.policy = rows.named(rows.policy, "policy", str(rows.policy), decision.policy_digest)
    trace.assessment = rows.named(
        rows.assessment, "assessment", "Judgement", decision.assessment_digest, getattr(rows.assessment, "sentence", "")
    )
    trace.manifest = rows.named(rows.manifest, "manifest", "Manifest", approved, words)
    names = printed_names(rows.signatures)
    trace.signatures = [rows.signed(row, names[row.name_commitment]) for row in rows.signatures]
    trace.evidence = [rows.item(named) for named in sorted(decision.evidence, key=lambda named: str(named["title"]))]
    trace.waivers, trace.moves = _waivers(decision), _moves(trace)
    trace.outcomes = counted(decision.outcomes)
    return trace


class _Records:
    """The rows that a decision names, and the entries that bind them."""

    def __init__(self, decision: Decision) -> None:
        policies = PolicyVersion.objects.filter(pk=decision.policy_id or NOTHING).select_related(
            "policy", "publication"
        )
        self.policy = policies.first()
        self.assessment = (
            Assessment.objects.filter(pk=decision.assessment_id or NOTHING).select_related("policy_version").first()
        )
        key = decision.approval.get("review")
        self.review = Review.objects.filter(pk=key).select_related("environment").first() if key else None
        self.manifest = Manifest.objects.filter(digest=decision.approval.get("manifest") or "-").first()
        given = (
            Signature.objects.filter(review=key, signed_at__lte=decision.asked_at) if key else Signature.objects.none()
        )
        self.signatures = list(given.select_related("step"))
        self.evidence = Evidence.objects.in_bulk([row["id"] for row in decision.evidence])
        publication = getattr(self.policy, "publication", None)
        single = [decision, self.policy, publication, self.assessment, self.manifest]
        found = [row for row in (*single, *self.signatures, *self.evidence.values()) if row is not None]
        self.numbers = entry_numbers(found)
        if self.policy is not None and publication is not None:  # its publication names its digest
            self.numbers[self.policy.pk] = self.numbers.get(self.policy.pk, self.numbers.get(publication.pk))

    def link(
        self, row: Any, kind: str, title: str, note: str = "", *, used: str = "", at: datetime | None = None
    ) -> Link:
        """An immutable row as a part of the chain: hashed again, and compared with the digest under which it was used."""
        fits = row.compute_digest() == row.digest and used in ("", row.digest)
        return Link(kind, str(row.pk), title, note, at, row.digest, self.numbers.get(row.pk), is_unchanged=fits)

    def named(self, row: Any, kind: str, title: str, used: str | None, note: str = "") -> Link | None:
        """A row that the decision names by its digest; one that is gone is a difference. None when it names none."""
        if not used:
            return None
        if row is None:
            return Link(
                kind,
                "",
                title if title != "None" else kind.capitalize(),
                "no longer there",
                digest=used,
                is_unchanged=False,
            )
        return self.link(row, kind, title, note, used=used, at=row.created_at)

    def item(self, named: dict[str, Any]) -> Link:
        """An item of evidence under the digest that the decision gives it."""
        row = self.evidence.get(UUID(str(named["id"])))
        if row is None:
            gone = "no longer there"
            return Link(
                "evidence", str(named["id"]), str(named["title"]), gone, digest=named["digest"], is_unchanged=False
            )
        return self.link(row, "evidence", row.title, row.get_source_display(), used=named["digest"], at=row.created_at)

    def signed(self, row: Signature, name: str) -> Link:
        """A signature with who gave it, for what, and how they proved who they are."""
        note = f"{row.step.title} · {row.get_meaning_display()} · {row.proved_by}"
        state = "withdrawn" if row.meaning == Signature.Meaning.WITHDRAWN else "signed"
        return replace(self.link(row, "signature", name, note, at=row.signed_at), state=state)


def counted(outcomes: dict[str, list[str]]) -> dict[str, int]:
    """How many requirements came out how, those that apply first."""
    return {name: len(outcomes[name]) for name in sorted(outcomes, key=lambda name: (name in APART, name))}


def _waivers(decision: Decision) -> list[Link]:
    """The waivers that the decision counted on, with the entry that granted each."""
    rows = list(Waiver.objects.filter(pk__in=decision.waivers).select_related("decided_by"))
    granted = Entry.objects.filter(subject__in=[row.subject for row in rows], verb="policy.waiver_granted")
    numbers = {entry.subject: entry.seq for entry in granted.select_related("leaf")}
    return [
        Link(
            "waiver", str(row.pk), f"{row.reference} {row.requirement_title}",
            f"granted by {row.decided_by}, until {row.ends_on:%-d %b %Y}", row.decided_at, entry=numbers.get(row.subject),
        )
        for row in rows
    ]  # fmt: skip


def _moves(trace: Trace) -> list[Link]:
    """What happened to the deployment, as the log tells it."""
    if trace.deployment is None:
        return []
    rows = Entry.objects.filter(subject=trace.deployment.subject, verb__startswith="registry.deployment_")
    key = str(trace.deployment.pk)
    return [
        Link("deployment", key, entry.verb.rpartition("_")[2].capitalize(), at=entry.at, entry=entry.seq)
        for entry in rows.select_related("leaf").order_by("at", "id")
        if entry.facts.get("deployment") == key
    ]
