"""The risk tier as arithmetic: two axes, a matrix, floors. Pure: no Django.

The lowest tier number wins. A floor whose facts nobody has answered neither counts nor disappears: it is listed, and the
tier cannot be confirmed above it until somebody answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.policy import expressions
from apps.policy.expressions import Truth

AXES = ("materiality", "inherent")
BLOCKED = "block"


@dataclass(frozen=True)
class Part:
    """One answered question and the points it adds."""

    question: str
    text: str
    axis: str
    answer: str
    label: str
    points: int


@dataclass(frozen=True)
class Floor:
    """A rule that caps the tier: it holds, or the facts it needs are unanswered."""

    tier: int
    reason: str
    when: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Proposal:
    """A tier with everything it was computed from."""

    materiality: int
    inherent: int
    bands: tuple[str, str]
    matrix_tier: int
    tier: int
    is_blocked: bool
    blocked_reason: str
    floors: tuple[Floor, ...]
    open_floors: tuple[Floor, ...]
    parts: tuple[Part, ...]
    unanswered: tuple[str, ...]
    sets: dict[str, Any] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Every question that carries points is answered."""
        return not self.unanswered

    @property
    def raised_by(self) -> tuple[Floor, ...]:
        """The floors that lifted the tier above what the matrix gave."""
        return tuple(floor for floor in self.floors if floor.tier < self.matrix_tier)

    @property
    def sentence(self) -> str:
        """The arithmetic in one line."""
        if self.is_blocked:
            return f"No tier is possible: {self.blocked_reason}."
        if not self.is_complete:
            return f"No tier yet: {', '.join(self.unanswered)} not answered."
        text = (
            f"Materiality {self.materiality} ({self.bands[0]}) and inherent risk {self.inherent} ({self.bands[1]}) "
            f"give tier {self.matrix_tier}"
        )
        if self.raised_by:
            text += f"; raised to tier {self.tier} because of: {', '.join(floor.reason for floor in self.raised_by)}"
        return f"{text}."


def propose(
    questionnaire: Mapping[str, Any],
    answers: Mapping[str, Any],
    facts: Mapping[str, Any],
    fact_types: Mapping[str, str],
) -> Proposal:
    """Compute the tier from questionnaire answers and facts; a fact answered by itself beats one an option implies."""
    parts, unanswered, implied = _score(questionnaire, answers)
    totals = {axis: sum(part.points for part in parts if part.axis == axis) for axis in AXES}
    bands = tuple(_band(questionnaire["bands"], totals[axis]) for axis in AXES)
    matrix_tier = questionnaire["matrix_materiality_then_inherent"][bands[0]][bands[1]]
    known = implied | {name: value for name, value in expressions.flatten(facts).items() if value is not None}
    holding, waiting, blocked = _floors(questionnaire["floors"], known, fact_types)
    return Proposal(
        materiality=totals["materiality"],
        inherent=totals["inherent"],
        bands=(bands[0], bands[1]),
        matrix_tier=matrix_tier,
        tier=min([matrix_tier, *(floor.tier for floor in holding)]),
        is_blocked=bool(blocked),
        blocked_reason=blocked,
        floors=holding,
        open_floors=waiting,
        parts=parts,
        unanswered=unanswered,
        sets=implied,
    )


def refusal(proposal: Proposal, tier: int, *, is_independent: bool) -> str:
    """Why this tier may not be confirmed on this proposal; '' when it may."""
    if proposal.is_blocked:
        return f"No tier can be confirmed: {proposal.blocked_reason}."
    if not proposal.is_complete:
        return f"Answer {', '.join(proposal.unanswered)} first; without them the tier cannot be computed."
    if tier not in (1, 2, 3, 4):
        return "A tier is 1, 2, 3 or 4."
    for floor in proposal.floors:
        if tier > floor.tier:
            return f"Tier {tier} is above the floor of tier {floor.tier}: {floor.reason}. A floor cannot be lowered."
    for floor in proposal.open_floors:
        if tier > floor.tier:
            return (
                f"Answer {', '.join(floor.missing)} first: “{floor.reason}” would require tier {floor.tier} "
                f"or stricter."
            )
    if tier > proposal.tier + 1:
        return f"A tier may be lowered by one step at most: from {proposal.tier} to {proposal.tier + 1}."
    if tier > proposal.tier and not is_independent:
        return "Only an independent reviewer may lower a tier: somebody who neither owns nor registered the use case."
    return ""


def _score(
    questionnaire: Mapping[str, Any], answers: Mapping[str, Any]
) -> tuple[tuple[Part, ...], tuple[str, ...], dict[str, Any]]:
    parts: list[Part] = []
    unanswered: list[str] = []
    implied: dict[str, Any] = {}
    for question in questionnaire["questions"]:
        options = {option["value"]: option for option in question["options"]}
        option = options.get(answers.get(question["id"]))
        if option is None:
            if question["axis"] in AXES:
                unanswered.append(question["id"])
            continue
        implied |= option.get("sets", {})
        parts.append(
            Part(question["id"], question["text"], question["axis"], option["value"], option["label"], option["points"])
        )
    return tuple(parts), tuple(unanswered), implied


def _band(bands: Mapping[str, Any], total: int) -> str:
    return next(name for name, (low, high) in bands.items() if low <= total <= high)


def _floors(
    rules: list[dict[str, Any]], facts: Mapping[str, Any], fact_types: Mapping[str, str]
) -> tuple[tuple[Floor, ...], tuple[Floor, ...], str]:
    holding: list[Floor] = []
    waiting: list[Floor] = []
    blocked = ""
    for rule in rules:
        verdict = expressions.explain(expressions.compile(rule["when"], fact_types), facts)
        if verdict.truth is Truth.FALSE:
            continue
        if rule["tier_at_most"] == BLOCKED:
            if verdict.truth is Truth.TRUE:
                blocked = rule["reason"]
            else:
                waiting.append(Floor(0, rule["reason"], rule["when"], verdict.missing))
        elif verdict.truth is Truth.TRUE:
            holding.append(Floor(rule["tier_at_most"], rule["reason"], rule["when"]))
        else:
            waiting.append(Floor(rule["tier_at_most"], rule["reason"], rule["when"], verdict.missing))
    return tuple(holding), tuple(waiting), blocked
