"""A credit use case on its way to approval: everyone a process asks for, and evidence without running a check."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from apps.accounts.models import OrganisationFact, User
from apps.audit import services as audit
from apps.catalog.models import Dataset
from apps.evidence import services as evidence
from apps.evidence.catalogue import catalogue
from apps.evidence.models import Evidence, Source
from apps.policy import packs
from apps.policy import queries as policy_queries
from apps.policy import services as policy
from apps.registry.models import Environment, ModelVersion, UseCase
from apps.workflow import queries, services
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
METRICS = {
    "performance": {"auc": 0.793, "accuracy": 0.76},
    "fairness": {"min_impact_ratio": 0.91, "four_fifths_flags": 0},
    "personal_data": {"unresolved_high": 0},
    "representation": {"smallest_group": 310},
    "proxies": {"strongest_proxy": 0.21},
    "lineage_completeness": {"features_traced": 9, "features": 9},
}
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
        for check in METRICS:
            self.measure(check)

    def put(self, type_id: str, fields: dict[str, Any]) -> Evidence:
        """One submitted and accepted item of evidence."""
        item = evidence.submit(
            self.version, type=type_id, fields=fields, actor=self.steward, summary=f"{catalogue()[type_id].title} was done."
        )
        evidence.accept(item, reason="Looked at it.", actor=self.risk_officer)
        return item

    def measure(self, check: str, **metrics: float) -> Evidence:
        """The result of a check."""
        rows = [{"key": key, "label": key, "unit": "", "value": value} for key, value in (metrics or METRICS[check]).items()]
        item = Evidence(
            version=self.version, use_case=self.use_case, types={}, check_key=check, source=Source.COMPUTED,
            title=check.replace("_", " ").capitalize(), summary="Measured.", dated=timezone.now().date(), metrics=rows,
        )  # fmt: skip
        item.save()
        with transaction.atomic():
            audit.record(audit.system("evidence"), "evidence.computed", item, row=item, changes=[self.version])
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
            meaning = "approved" if is_last else {"attest": "responsible"}.get(step.kind, "reviewed")
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
        return {"risk_committee": ["committee1", "committee2", "committee3"], "model_owner": ["owner"]}.get(role, [role])

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
    more = {"steward": factories.person("data_steward"), "pipeline": factories.service_account(), "owner": first["model_owner"]}
    return {**heads, **first, **second, **committee, **more}


def build(tier: int) -> World:
    """A use case of this tier with a registered version and nothing shown yet."""
    policy.load_packs()
    services.publish_processes(services.shipped_definition(), actor=audit.system("workflow"))
    people = cast()
    for name, value in ORGANISATION.items():
        OrganisationFact.objects.create(name=name, value=value)
    case = factories.use_case(
        "credit-scoring", owner=people["owner"], title="Credit scoring", facts=FACTS, tier=tier, tier_confirmed_for=tier,
        proposed_tier=tier, tier_confirmed_by=people["risk_officer"], tier_confirmed_at=timezone.now(),
    )  # fmt: skip
    until = timezone.now().date() + timedelta(days=400)
    table = factories.dataset("applications", fields=("age", "housing"), permitted_purposes=["credit"], terms_end_on=until)
    version = factories.version(
        factories.model(case, "scorecard"), developer=people["developer"], features=[{"name": "age"}],
        output={"kind": "binary_classification"}, training={"metrics": {"auc": 0.793}},
    )  # fmt: skip
    factories.link(version, factories.dataset_version(table))
    version = ModelVersion.objects.select_related("model__use_case").get(pk=version.pk)
    production = factories.environment("production", is_production=True)
    return World(case, version, production, factories.environment("staging"), table, people)


@pytest.fixture
def world(db: None) -> World:
    """Tier 2 with everything shown that approval asks for."""
    made = build(2)
    made.show()
    return made


@pytest.fixture
def bare(db: None) -> World:
    """Tier 2 with nothing shown."""
    return build(2)


