"""A credit use case on its way to approval: everyone a process asks for, and evidence without running a check."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from apps.accounts.models import OrganisationFact, User
from apps.audit import services as audit
from apps.catalog.models import Dataset
from apps.evidence.catalogue import catalogue
from apps.evidence.models import Evidence, EvidenceMark, Source
from apps.policy import packs
from apps.policy import queries as policy_queries
from apps.policy import services as policy
from apps.registry.models import Environment, ModelVersion, UseCase
from apps.workflow import processes, queries, services
from apps.workflow.models import Review, Signature
from tests import factories

ORGANISATION = {"org.sector": "bank", "org.jurisdictions": ["EU"], "org.size": "large", "org.public_service": False,
                "org.financial_institution_eu": True, "org.uk_internal_model": False}  # fmt: skip
FACTS = {
    name: False
    for name, kind in packs.fact_types().items()
    if kind == "bool" and not name.startswith("org.")
} | {
    "model.is_ai_system": True, "model.is_quantitative_model": True, "model.trained": True, "use.domain": "credit",
    "use.affects_persons": True, "use.profiling": True, "use.significant_effect": True, "data.personal": True,
    "use.automation": "human_decides_with_score", "data.from_subject": True, "eu.ai_class": "high_risk_annex_iii",
    "eu.annex_iii_point": ["5(b)"], "eu.roles": ["provider", "deployer"],
}  # fmt: skip
LIMITS = {
    tuple(row["limit"]["name"].split(".")[1:]): row["limit"]["value"]
    for row in yaml.safe_load((settings.ROOT / "fixtures/policies/house-rules.yaml").read_text())["requirements"]
    if row.get("limit", {}).get("name", "").startswith("metrics.") and "value" in row["limit"]
}
QUICK_HASHER = "django.contrib.auth.hashers.MD5PasswordHasher"  # five signatures per approval add up
REASON = "Read all of it and found it in order."
REPORT = {
    "conceptual_soundness": True, "data_reviewed": True, "replication": True, "outcomes": True, "limits": True,
    "opinion": "Fit for use.",
}  # fmt: skip


@dataclass
class World:
    """Everyone and everything between a registered version and its approval."""

    use_case: UseCase
    version: ModelVersion
    production: Environment
    staging: Environment
    table: Dataset
    people: dict[str, User] = field(default_factory=dict)

    def __getattr__(self, name: str) -> User:
        try:
            return self.__dict__["people"][name]
        except KeyError as missing:
            raise AttributeError(name) from missing

    def show(self, *, without: tuple[str, ...] = ()) -> None:
        """Put in place what submitting and approving ask for, as if measured, attested and accepted."""
        for row in policy_queries.needed_evidence(self.version, self.production):
            if not row.is_record and row.type not in without:
                fields = {name: "stated" if value == "" else value for name, value in row.fields.items()}
                self.put(row.type, fields)
        for check in sorted({check for check, _ in LIMITS}):
            self.measure(check)

    def put(self, type_id: str, fields: dict[str, Any]) -> Evidence:
        """One item of evidence that somebody else accepted."""
        item = Evidence(
            version=self.version, use_case=self.use_case, types={type_id: fields}, source=Source.SUBMITTED,
            title=catalogue()[type_id].title, summary="Done.", dated=timezone.now().date(), produced_by=self.steward,
        )  # fmt: skip
        item.save()
        EvidenceMark(evidence=item, kind="accepted", reason="Looked at it.", by=self.risk_officer).save()
        return item

    def measure(self, check: str, **metrics: float) -> Evidence:
        """The result of a check, at the limit of the house rules unless told otherwise."""
        values = {metric: value for (name, metric), value in LIMITS.items() if name == check} | metrics
        rows = [{"key": key, "label": key, "unit": "", "value": value} for key, value in values.items()]
        item = Evidence(
            version=self.version, use_case=self.use_case, types={}, check_key=check, source=Source.COMPUTED,
            title=check.replace("_", " ").capitalize(), summary="Measured.", dated=timezone.now().date(), metrics=rows,
        )  # fmt: skip
        item.save()
        return item

    def submit(self) -> Review:
        """The developer submits."""
        return services.submit(self.version, actor=self.developer)

    def fresh(self, review: Review) -> Review:
        """The review as it is in the database now."""
        return Review.objects.select_related("process", "environment", "version__model__use_case").get(pk=review.pk)

    def sign(self, review: Review, signer: User, meaning: str = "", **more: Any) -> Signature:
        """Read the page and sign the open step."""
        review = self.fresh(review)
        step = review.open_step
        snapshot = services.present(review)
        if not meaning and step is not None:
            is_last = review.last_step is not None and step.pk == review.last_step.pk
            meaning = processes.meanings_for(step.kind, is_last=is_last)[0]
        words = {"reason": REASON, "password": factories.PASSWORD, "report": REPORT, "seen_digest": snapshot.digest}
        return services.sign_off(review, actor=signer, meaning=meaning, **{**words, **more})

    def sign_until(self, review: Review, key: str = "") -> Review:
        """Everyone signs in turn, up to and without the step with this key."""
        review = self.fresh(review)
        while (step := review.open_step) is not None and step.key != key:
            for name in self.signers_of(step.role)[: step.quorum]:
                self.sign(review, self.people[name])
            review = self.fresh(review)
        return review

    def signers_of(self, role: str) -> list[str]:
        """The people of the cast who sign for a role."""
        return {"risk_committee": ["committee1", "committee2", "committee3"], "model_owner": ["owner"]}.get(
            role, [role]
        )

    def approve(self) -> Review:
        """Submit and sign everything."""
        return self.sign_until(self.submit())

    def standing(self, **how: Any) -> queries.Standing:
        """Whether the approval stands in production now."""
        return queries.standing_approval(self.version, environment=self.production, **how)


def cast() -> dict[str, User]:
    """People by role. The validator and the developer have different managers."""
    heads = {"first_line": factories.person(), "second_line": factories.person()}
    first = {name: factories.person(name, reports_to=heads["first_line"]) for name in ("developer", "model_owner")}
    roles = ("validator", "reviewer", "privacy_officer", "compliance", "security", "head_of_model_risk", "risk_officer",
             "accountable_executive", "auditor", "administrator")  # fmt: skip
    second = {name: factories.person(name, reports_to=heads["second_line"]) for name in roles}
    committee = {f"committee{number}": factories.person("risk_committee") for number in (1, 2, 3)}
    more = {
        "steward": factories.person("data_steward"),
        "pipeline": factories.service_account(),
        "owner": first["model_owner"],
    }
    return {**heads, **first, **second, **committee, **more}


def build(tier: int, slug: str) -> World:
    """A use case of this tier with a registered version and nothing shown yet."""
    people = cast()
    User.objects.people().update(password=make_password(factories.PASSWORD, hasher="md5"))
    case = factories.use_case(
        slug, owner=people["owner"], title="Credit scoring", facts=FACTS, tier=tier, tier_confirmed_for=tier,
        proposed_tier=tier, tier_confirmed_by=people["risk_officer"], tier_confirmed_at=timezone.now(),
    )  # fmt: skip
    until = timezone.now().date() + timedelta(days=400)
    table = factories.dataset(
        f"{slug}-applications", fields=("age", "housing"), permitted_purposes=["credit"], terms_end_on=until
    )
    version = factories.version(
        factories.model(case), developer=people["developer"], features=[{"name": "age"}],
        output={"kind": "binary_classification"}, training={"metrics": {"auc": 0.793}},
    )  # fmt: skip
    factories.link(version, factories.dataset_version(table))
    production, _ = Environment.objects.get_or_create(
        slug="production", defaults={"name": "Production", "is_production": True}
    )
    staging, _ = Environment.objects.get_or_create(slug="staging", defaults={"name": "Staging"})
    return World(case, version, production, staging, table, people)


def again(made: World) -> World:
    """The same world with rows read anew, for one test to change."""
    version = ModelVersion.objects.select_related("model__use_case", "model__owner").get(pk=made.version.pk)
    people = {name: User.objects.get(pk=user.pk) for name, user in made.people.items()}
    table = Dataset.objects.get(pk=made.table.pk)
    return World(version.use_case, version, made.production, made.staging, table, people)


@pytest.fixture(scope="module")
def shelf(django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[str, World]]:
    """Packs, processes and worlds, made once per module in a transaction that is rolled back: loading packs takes seconds.

    Each test then runs in a transaction inside this one.
    """
    quick = override_settings(PASSWORD_HASHERS=[QUICK_HASHER, *settings.PASSWORD_HASHERS])
    whole = transaction.atomic()
    whole._from_testcase = True  # services may open durable transactions inside, as in any TestCase
    with django_db_blocker.unblock():
        quick.enable()
        whole.__enter__()
    try:
        with django_db_blocker.unblock():
            policy.load_packs()
            services.publish_processes(services.shipped_definition(), actor=audit.system("workflow"))
            for name, value in ORGANISATION.items():
                OrganisationFact.objects.create(name=name, value=value)
            bare, shown = build(2, "credit-bare"), build(2, "credit-scoring")
            shown.show()
        yield {"bare": bare, "shown": shown}
    finally:
        with django_db_blocker.unblock():
            transaction.set_rollback(True)
            whole.__exit__(None, None, None)
        quick.disable()


@pytest.fixture(scope="module")
def granted(shelf: dict[str, World], django_db_blocker: Any) -> World:
    """Tier 2, approved: signing five steps takes seconds too."""
    with django_db_blocker.unblock():
        made = build(2, "credit-approved")
        made.show()
        again(made).approve()
    return made


@pytest.fixture
def world(request: pytest.FixtureRequest, shelf: dict[str, World], db: None) -> World:
    """Tier 2 with everything shown that approval asks for; approved where the test also asks for `approved`."""
    return again(request.getfixturevalue("granted") if "approved" in request.fixturenames else shelf["shown"])


@pytest.fixture
def approved(granted: World, db: None) -> Review:
    """The review that approved the version of `world`."""
    return granted.fresh(granted.version.reviews.get())


@pytest.fixture
def bare(shelf: dict[str, World], db: None) -> World:
    """Tier 2 with nothing shown."""
    return again(shelf["bare"])


@pytest.fixture
def tier(shelf: dict[str, World], db: None) -> Any:
    """A maker of worlds of other tiers, with everything shown."""

    def make(number: int) -> World:
        made = build(number, f"tier-{number}-use")
        made.show()
        return again(made)

    return make
