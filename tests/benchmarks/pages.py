"""Every list page of a large house beside an empty page in the same frame, and how often it asks the database."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import User
from apps.catalog.models import Dataset, Field
from apps.dossiers import services as dossiers
from apps.dossiers.models import Dossier
from apps.evidence.models import Evidence
from apps.gate import services as gate
from apps.gate.models import Decision
from apps.policy.models import Waiver
from apps.registry.models import Deployment, Model, ModelVersion, UseCase
from apps.workflow.models import Finding, Review, Step
from tests import factories
from tests.benchmarks import audit, bulk, measuring, staging
from tests.benchmarks.bulk import key, multiply
from tests.benchmarks.measuring import Measurement, percentile
from tests.workflow.conftest import World

MOST_QUERIES, MOST_TIMES = 15, 5
VERSIONS_EACH, MODELS_EACH, OPEN_REVIEWS = 20, 10, 200
USE_CASE, MODEL, VERSION, DATASET, DEPLOYMENT, REVIEW, STEP, FINDING, WAIVER, DECISION, EVIDENCE, DOSSIER, FIELD = (
    range(1, 14)
)


@dataclass(frozen=True)
class Size:
    """How many versions, and how often each page is asked for."""

    versions: int
    runs: int


SIZES = {"full": Size(100_000, 40), "quick": Size(10_000, 15), "smoke": Size(60, 1)}


def measure(size: str) -> Iterator[Measurement]:
    """Each page for someone who sees everything and for someone who sees a few use cases."""
    wanted = SIZES[size]
    staging.prepare()
    world = staging.shown_world()
    staging.approve(world)
    seed_rows(world)
    few = {name: queries_of(name, path, world.auditor) for name, path in pages(world).items()}
    fill(world, wanted.versions)
    readers = {"": world.auditor, " (10 use cases)": reader(10)}
    for name, path in pages(world).items():
        for words, user in readers.items():
            yield speed(f"{name}{words} at {wanted.versions} versions", path, user, wanted.runs)
        asked = queries_of(name, path, world.auditor)
        target = measuring.ours_at_most(MOST_QUERIES)
        case, other = f"queries of {name}", "the same page with 1 version"
        yield Measurement("pages", case, asked, few[name], other, target, "queries", 1)


def pages(world: World) -> dict[str, str]:
    """Name and address of every page that lists something."""
    version = f"/versions/{world.version.pk}"
    return {
        "queue": "/queue/",
        "use cases": "/use-cases/",
        "models": "/models/",
        "models found by name": "/models/?q=scoring",
        "versions of a model": f"/models/{world.version.model.slug}/",
        "datasets": "/datasets/",
        "decisions": "/decisions/",
        "decisions of a version": f"{version}/decisions/",
        "evidence of a version": f"{version}/evidence/",
        "findings": "/findings/",
        "waivers": "/waivers/",
        "policies": "/policies/",
        "audit trail": "/audit/",
        "dossiers": "/dossiers/",
        "search": "/search/?q=scoring",
    }


def reader(cases: int) -> User:
    """Someone with a role for some use cases only."""
    person = factories.person()
    for case in UseCase.objects.order_by("id")[:cases]:
        factories.grant(person, "validator", use_case=case.slug)
    return person


def visit(path: str, user: User) -> Client:
    """A browser in which the page was opened once."""
    browser = factories.signed_in(user)
    answer = browser.get(path)
    if answer.status_code != 200:
        raise SystemExit(f"{path} answers {answer.status_code}")
    return browser


@override_settings(ROOT_URLCONF="tests.benchmarks.floors")
def speed(case: str, path: str, user: User, runs: int) -> Measurement:
    """How long the page takes, in turns with the empty one."""
    browser = visit(path, user)
    own, other = measuring.in_turns(lambda: browser.get(path), lambda: browser.get("/floor/page"), runs)
    values = percentile(own, 0.95) * 1e3, percentile(other, 0.95) * 1e3
    target = measuring.ratio_at_most(MOST_TIMES)
    return Measurement("pages", case, *values, "an empty page in the same frame", target, "ms p95", runs)


def queries_of(name: str, path: str, user: User) -> int:
    """How often the page asks, the frame included."""
    browser = visit(path, user)
    with CaptureQueriesContext(connection) as asked:
        browser.get(path)
    return len(asked)


def seed_rows(world: World) -> None:
    """One of each thing that no approval leaves behind, through services where they are short."""
    asked = gate.Question("authzen", {"type": "model_version", "id": world.version.artifact_digest}, "production")
    gate.decide(asked, asker=world.pipeline)
    dossiers.request_dossier(world.version, actor=world.auditor)
    about = {"version": world.version, "owner": world.developer, "raised_by": world.validator}
    Finding.objects.create(**about, severity="low", title="Seed", text="Seed", due_on="2027-01-01")
    asked_by = {"requested_by": world.developer, "reason": "Seed", "compensating_control": "Seed"}
    Waiver.objects.create(
        version=world.version, requirement_id="MIN-x", requirement_title="X", ends_on="2027-01-01", **asked_by
    )


def fill(world: World, versions: int) -> None:
    """The house: twenty versions a model, ten models a use case, a review and a decision for each version."""
    models, cases = -(-versions // VERSIONS_EACH), -(-versions // VERSIONS_EACH // MODELS_EACH)
    own, of_version = world.version, key(VERSION)
    multiply(
        UseCase, own.use_case.pk, cases, id=key(USE_CASE), slug="'bulk-case-' || i", title="'Scoring of kind ' || i"
    )
    of_case = key(USE_CASE, f"(i - 1) % {cases} + 1")
    multiply(
        Model, own.model.pk, models, id=key(MODEL), slug="'bulk-model-' || i", name="'Model ' || i", use_case_id=of_case
    )
    # every hundredth version is one of the model whose page is opened
    of_model = f"CASE WHEN i % 100 = 0 THEN '{own.model.pk}'::uuid ELSE {key(MODEL, f'(i - 1) % {models} + 1')} END"
    digest = "'sha256:' || encode(sha256(i::text::bytea), 'hex')"
    multiply(
        ModelVersion, own.pk, versions, id=of_version, version="'1.' || i", model_id=of_model, artifact_digest=digest
    )
    running = Deployment.objects.values_list("pk", flat=True)[0]
    multiply(
        Deployment, running, versions // 10, id=key(DEPLOYMENT), version_id=key(VERSION, "i * 10"), decision_id="NULL"
    )
    fill_reviews(world, versions)
    item = Evidence.objects.filter(version=own).values_list("pk", flat=True)[0]
    multiply(Evidence, item, versions, id=key(EVIDENCE), version_id=of_version)
    first = Decision.objects.values_list("pk", flat=True)[0]
    multiply(Decision, first, versions, id=key(DECISION), version_id=of_version)
    multiply(Dossier, Dossier.objects.get().pk, versions // 50, id=key(DOSSIER), version_id=key(VERSION, "i * 50"),
             number="nextval('dossiers_dossier_number')")  # fmt: skip
    multiply(Dataset, world.table.pk, versions // 10, id=key(DATASET), name="'table ' || i", title="''")
    column = world.table.fields.values_list("pk", flat=True)[0]
    multiply(Field, column, versions, id=key(FIELD), dataset_id=key(DATASET, f"(i - 1) % {max(versions // 10, 1)} + 1"),
             path="'column_' || i")  # fmt: skip
    audit.services.sequence_all()
    audit.grow(versions)
    bulk.settle()


def fill_reviews(world: World, versions: int) -> None:
    """A decided review for each version, open ones as many as a large house has at a time, findings and waivers."""
    decided = Review.objects.get()
    number, of_version = "nextval('workflow_review_number')", key(VERSION)
    multiply(Review, decided.pk, versions, id=key(REVIEW), version_id=of_version, number=number)
    opened = min(OPEN_REVIEWS, versions // 2)
    others = {"version_id": key(VERSION, "i * 2"), "number": number, "state": "'in_review'", "recorded_standing": "''"}
    multiply(
        Review, decided.pk, opened, id=key(REVIEW, f"i + {versions}"), decided_at="NULL", valid_until="NULL", **others
    )
    step = Step.objects.filter(review=decided).order_by("order").values_list("pk", flat=True)[0]
    of_review = {"review_id": key(REVIEW, f"i + {versions}"), "round": "1"}
    multiply(Step, step, opened, id=key(STEP), state="'open'", closed_at="NULL", **of_review)
    finding = Finding.objects.get().pk
    multiply(Finding, finding, versions // 10, id=key(FINDING), version_id=key(VERSION, "i * 10"),
             number="nextval('workflow_finding_number')", due_on="date '2027-01-01' + (i % 300)::int")  # fmt: skip
    multiply(Waiver, Waiver.objects.get().pk, versions // 50, id=key(WAIVER), version_id=key(VERSION, "i * 50"))
