"""What the pages say about a dossier's parts and stages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.audit import verbs
from apps.audit.models import Entry
from apps.core.models import JobState
from apps.dossiers.models import Dossier
from apps.evidence.queries import current_for
from apps.gate.models import Decision
from apps.registry.models import ModelVersion
from apps.workflow.models import Comment, Finding, Signature


@dataclass(frozen=True)
class Part:
    """One part of every dossier, with what this version has for it."""

    title: str
    hint: str
    holds: str


def parts_of(version: ModelVersion) -> list[Part]:
    """The parts that go in; none can be left out, because a gap has to be as visible as a pass."""
    items = len(current_for(version))
    signed = Signature.objects.filter(review__version=version).count()
    decisions = Decision.objects.filter(version=version).count()
    talk = Finding.objects.filter(version=version).count() + Comment.objects.filter(version=version).count()
    return [
        Part(
            _("Decision and signatures"),
            _("What was decided, by whom, over which digests"),
            held(signed, ngettext("signature", "signatures", signed)),
        ),
        Part(
            _("Requirements and waivers"), _("Every requirement with found, required and source; gaps first"), _("all")
        ),
        Part(
            _("Evidence"),
            _("Figures, tables, method and what each does not show"),
            held(items, ngettext("item", "items", items)),
        ),
        Part(_("Lineage"), _("Drawing and table by input, with how sure each step is"), _("all upstream")),
        Part(
            _("Findings, questions and dissent"),
            _("Full text, with answers"),
            held(talk, ngettext("record", "records", talk)),
        ),
        Part(
            _("Answers of the gate"),
            _("Every question about this version"),
            held(decisions, ngettext("decision", "decisions", decisions)),
        ),
        Part(_("Audit entries with proofs"), _("Printed as an extract; all of them travel in the bundle"), _("all")),
    ]


def held(count: int, noun: str) -> str:
    """How many there are."""
    return f"{count} {noun}"


def stages_of(dossier: Dossier) -> list[tuple[str, str]]:
    """How far the making is: a title and its tone for each stage."""
    issue = getattr(dossier, "issue", None)
    marks = [
        (_("Head of the log frozen"), dossier.log_size is not None),
        (_("Record read"), bool(dossier.content_sha256)),
        (_("Laid out, sealed and entered into the log"), issue is not None),
        (_("Bundle packed with its proofs"), dossier.is_ready),
    ]
    running = dossier.job is not None and dossier.job.state == JobState.RUNNING
    first_open = next((place for place, (_title, is_done) in enumerate(marks) if not is_done), None)
    return [(title, tone(is_done, running and place == first_open)) for place, (title, is_done) in enumerate(marks)]


def tone(is_done: bool, is_now: bool) -> str:
    """The classes of a stage."""
    return "is-ok is-solid" if is_done else "is-turn is-solid" if is_now else "is-none"


@dataclass(frozen=True)
class Line:
    """One entry of the log about a dossier: when, who, what, and its verb."""

    seq: int | None
    at: datetime
    by: str
    words: str
    verb: str


def lines_of(entries: Sequence[Entry]) -> list[Line]:
    """The entries in words."""
    called = verbs.name_all(entry.actor for entry in entries)
    return [
        Line(entry.seq, entry.at, called[entry.actor].label, verbs.phrase(entry.verb).capitalize(), entry.verb)
        for entry in entries
    ]
