"""What if: a person types one case and a changed one, and the endpoint scores both. Bounded, recorded; nothing typed is kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.audit import services as audit
from apps.audit.models import Entry
from apps.core.errors import Invalid, Unavailable, WrongState
from apps.core.permissions import authorise
from apps.evidence.checks.base import Unmeasurable
from apps.registry.models import ModelVersion

MOST_A_MINUTE = 30
MOST_FEATURES = 60
LONGEST = 200
VERB = "evidence.tried"


@dataclass(frozen=True)
class Tried:
    """The two scores, and which side of the line each is on."""

    before: float
    after: float
    threshold: float | None
    changed: list[str]

    @property
    def difference(self) -> float:
        """How far the change moves the score."""
        return self.after - self.before

    @property
    def turns(self) -> bool:
        """Whether the change turns the decision."""
        line = self.threshold
        return line is not None and (self.before >= line) != (self.after >= line)


def features_of(version: ModelVersion) -> list[str]:
    """The columns that the version reads. Raises WrongState where it names none, or no endpoint."""
    names = [item["name"] if isinstance(item, dict) else str(item) for item in version.features or []]
    if not names or len(names) > MOST_FEATURES or not version.endpoint.get("url"):
        raise WrongState(
            f"{version} names no serving endpoint, or not between 1 and {MOST_FEATURES} features, so no case can be tried. "
            "The pipeline names them when it registers the version."
        )
    return names


def try_case(version: ModelVersion, *, case: Mapping[str, str], changed: Mapping[str, str], actor: User) -> Tried:
    """Score a case as typed and with some values changed. Raises NotAllowed, WrongState (too often), Invalid, Unavailable."""
    authorise(actor, "evidence.try_case", version)
    names = features_of(version)
    wrong = [
        name for name in names if not 0 < len(case.get(name, "")) <= LONGEST or len(changed.get(name, "")) > LONGEST
    ]
    if wrong:
        raise Invalid(f"Give a value of at most {LONGEST} characters for {', '.join(wrong[:5])}.")
    different = {name: changed[name] for name in names if changed.get(name) and changed[name] != case[name]}
    if not different:
        raise Invalid("Change at least one value, so that there is something to compare.")
    _note(version, sorted(different), actor)
    before, after = _scores(version, [{**case}, {**case, **different}], names)
    threshold = (version.output or {}).get("threshold")
    line = float(threshold) if isinstance(threshold, int | float) and not isinstance(threshold, bool) else None
    return Tried(before, after, line, sorted(different))


@transaction.atomic
def _note(version: ModelVersion, changed: list[str], actor: User) -> None:
    """Count and record the try, before anything is asked. What was typed is not recorded."""
    User.objects.select_for_update().get(pk=actor.pk)
    since = timezone.now() - timedelta(minutes=1)
    if Entry.objects.filter(actor=actor.audit_ref, verb=VERB, at__gte=since).count() >= MOST_A_MINUTE:
        raise WrongState(
            f"You tried {MOST_A_MINUTE} cases within a minute. Wait a minute, or run a check over many rows."
        )
    audit.record(actor, VERB, version, data={"changed": changed, "endpoint": str(version.endpoint.get("model", ""))})


def _scores(version: ModelVersion, rows: list[dict[str, str]], names: list[str]) -> list[float]:
    from apps.evidence.asking import scorer_for

    columns = {name: [_typed(row[name]) for row in rows] for name in names}
    kinds = {name: _kind(values) for name, values in columns.items()}
    scorer = scorer_for(version)
    scorer.kinds = kinds
    try:
        with scorer:
            return [float(score) for score in scorer.predict(columns)]
    except Unmeasurable as refused:
        raise Unavailable(str(refused), code=refused.code or "NO_SCORE") from refused


def _typed(text: str) -> int | float | str:
    """A number where the text is one."""
    for kind in (int, float):
        try:
            found = kind(text)
        except ValueError:
            continue
        return found if found == found and abs(found) < 2**53 else text
    return text


def _kind(values: list[int | float | str]) -> str:
    """The kind of a column, as the survey of a dataset names it."""
    if any(isinstance(value, str) for value in values):
        return "text"
    return "number" if any(isinstance(value, float) for value in values) else "integer"
