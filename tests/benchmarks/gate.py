"""The gate at fifty callers: beside the floor on the same server, beside MLflow's registry, and with a long past."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection

from apps.gate import services
from apps.gate.models import Decision
from apps.gate.services import Question
from tests import factories
from tests.benchmarks import bulk, floors, measuring, mlflow, serving, staging
from tests.benchmarks.bulk import key, multiply
from tests.benchmarks.measuring import Measurement, median
from tests.benchmarks.serving import Answers, Server, middle
from tests.workflow.conftest import World

DOOR, FLOOR = "/access/v1/evaluation", "/floor/row"
ALLOWED, DENIED, UNKNOWN = 14, 5, 1  # of twenty questions
UNIT = "ms at {} callers"


@dataclass(frozen=True)
class Size:
    """Callers, rounds of so many seconds, past decisions before and after, whether the peer is asked."""

    callers: int
    rounds: int
    seconds: float
    before: int
    after: int
    has_peer: bool = True


SIZES = {
    "full": Size(50, 7, 8, 100, 1_000_000),
    "quick": Size(50, 3, 4, 100, 10_000),
    "smoke": Size(2, 1, 0.5, 1, 20, has_peer=False),
}


def measure(size: str) -> Iterator[Measurement]:
    """Latency, processor time, throughput, and the same after many decisions."""
    wanted = SIZES[size]
    staging.prepare()
    allowed, denied = staging.shown_world(slug="credit-approved"), staging.shown_world(slug="credit-waiting")
    staging.approve(allowed)
    services.decide(question_of(denied), asker=denied.pipeline)
    decision = services.decide(question_of(allowed), asker=allowed.pipeline)
    if not decision.is_allowed:
        raise SystemExit(decision.sentence)
    with connection.cursor() as cursor:
        cursor.execute("SELECT gate_decision::text FROM gate_decision WHERE id = %s", [decision.pk])
        floors.lay(cursor.fetchone()[0])
    headers = {"Authorization": f"Bearer {factories.token_for(allowed.pipeline, 'gate:ask')}"}
    asked = [serving.request("POST", DOOR, body, **headers) for body in questions(allowed, denied)]
    floor = [serving.request("POST", FLOOR, body, **headers) for body in questions(allowed, denied)]
    with serving.web() as server:
        yield from beside_the_floor(server, asked, floor, wanted)
        if wanted.has_peer:
            yield from beside_mlflow(server, asked, wanted)
        yield from with_a_past(server, asked, decision, wanted)


def question_of(world: World) -> Question:
    """May this version run in production?"""
    return Question("authzen", {"type": "model_version", "id": world.version.artifact_digest}, world.production.slug)


def questions(allowed: World, denied: World) -> list[dict[str, Any]]:
    """Allow, deny and unknown, mixed as 14 to 5 to 1."""
    digests = [allowed.version.artifact_digest] * ALLOWED + [denied.version.artifact_digest] * DENIED
    digests += ["sha256:" + "0" * 64] * UNKNOWN
    return [
        {
            "subject": {"type": "pipeline", "id": "ci:credit/main"},
            "action": {"name": "deploy"},
            "resource": {"type": "model_version", "id": digests[place * 7 % len(digests)]},
            "context": {"environment": allowed.production.slug, "nonce": f"n{place}"},
        }
        for place in range(len(digests))
    ]


def rounds_of(server: Server, asked: list[str], floor: list[str], wanted: Size) -> tuple[list[Answers], list[Answers]]:
    """Rounds of both in turns, after one that does not count."""
    found: tuple[list[Answers], list[Answers]] = ([], [])
    for requests in (asked, floor):
        server.load(requests, callers=wanted.callers, seconds=min(1, wanted.seconds))
    for number in range(wanted.rounds):
        for which in (0, 1) if number % 2 == 0 else (1, 0):
            found[which].append(server.load((asked, floor)[which], callers=wanted.callers, seconds=wanted.seconds))
    return found


def beside_the_floor(server: Server, asked: list[str], floor: list[str], wanted: Size) -> Iterator[Measurement]:
    """The median and the slowest hundredth, and what an answer costs the processor."""
    own, other = rounds_of(server, asked, floor, wanted)
    name, unit = "same server and authentication, one row of the same size", UNIT.format(wanted.callers)
    for case, share, limit in (("p50", 0.5, 2), ("p99", 0.99, 3)):
        target = measuring.ratio_at_most(limit)
        yield Measurement("gate", case, middle(own, share), middle(other, share), name, target, unit, wanted.rounds)
    each = [median([answers.each for answers in rounds]) * 1e3 for rounds in (own, other)]
    target = measuring.ratio_at_most(2)
    yield Measurement("gate", "processor time of the web", *each, name, target, "ms an answer", wanted.rounds)


def beside_mlflow(server: Server, asked: list[str], wanted: Size) -> Iterator[Measurement]:
    """Answers per second, beside MLflow saying which version an alias names."""
    with mlflow.registry() as (peer, lookup):
        if peer is None:
            return
        own, other = [], []
        for _ in range(wanted.rounds):
            own.append(server.load(asked, callers=wanted.callers, seconds=wanted.seconds).per_second)
            other.append(peer.load([lookup], callers=wanted.callers, seconds=wanted.seconds).per_second)
    target, name = measuring.ratio_at_least(3), f"MLflow {mlflow.VERSION}, lookup by alias"
    yield Measurement("gate", "throughput", median(own), median(other), name, target, "answers/s", wanted.rounds)


def with_a_past(server: Server, asked: list[str], decision: Decision, wanted: Size) -> Iterator[Measurement]:
    """The slowest hundredth with many decisions in the log, beside the same with few."""
    grow(decision, wanted.before)
    few = [server.load(asked, callers=wanted.callers, seconds=wanted.seconds) for _ in range(wanted.rounds)]
    grow(decision, wanted.after)
    many = [server.load(asked, callers=wanted.callers, seconds=wanted.seconds) for _ in range(wanted.rounds)]
    name, target = f"p99 with {wanted.before} decisions", measuring.ratio_at_most(1.5)
    case, unit = f"p99 with {wanted.after} decisions", UNIT.format(wanted.callers)
    yield Measurement("gate", case, middle(many, 0.99), middle(few, 0.99), name, target, unit, wanted.rounds)
    each = [median([answers.each for answers in rounds]) * 1e3 for rounds in (many, few)]
    case, name = f"processor time with {wanted.after} decisions", f"with {wanted.before} decisions"
    yield Measurement("gate", case, *each, name, target, "ms an answer", wanted.rounds)


def grow(decision: Decision, amount: int) -> None:
    """That many past decisions; their lists of requirements are left out, because nothing reads them again."""
    have = Decision.objects.count()
    multiply(Decision, decision.pk, max(amount - have, 0), id=key(1, f"i + {have}"), outcomes="'{}'", evidence="'[]'")
    bulk.settle("gate_decision")
