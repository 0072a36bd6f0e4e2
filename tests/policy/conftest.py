"""A credit use case of tier 2, and evidence for it without running a check."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from apps.accounts.models import OrganisationFact, User
from apps.audit import services as audit
from apps.evidence import services as evidence
from apps.evidence.catalogue import catalogue
from apps.evidence.models import Evidence, EvidenceMark, Source
from apps.policy import packs, queries, services
from apps.registry.models import Environment, ModelVersion, UseCase
from tests import factories

ORGANISATION = {"org.sector": "bank", "org.jurisdictions": ["EU"], "org.size": "large", "org.public_service": False,
                "org.financial_institution_eu": True, "org.uk_internal_model": False}  # fmt: skip
ANSWERS = {"Q2": "no", "Q3": "high", "Q4": "major", "Q5": "score", "Q6": "b", "Q7": "no", "Q8": "effort", "Q9": "medium",
           "Q10": "posthoc", "Q11": "personal", "Q12": "periodic", "Q13": "inhouse", "Q14": "bench"}  # fmt: skip
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
    "proxies": {"strongest": 0.61},
    "lineage_completeness": {"traced": 1.0, "features": 1},
}


@dataclass
class World:
    """Everyone and everything that a judgement of a credit model needs."""

    use_case: UseCase
    version: ModelVersion
    production: Environment
    staging: Environment
    owner: User
    developer: User
    validator: User
    risk: User
    risk2: User
    auditor: User
    pipeline: User

    def show(self, *, without: tuple[str, ...] = (), stage: str = "gate", **changed: dict[str, Any]) -> None:
        """Put every needed evidence type in place as if measured, attested and accepted; `changed` sets other field values."""
        stages = ("submit", "approve", "gate")
        for row in queries.needed_evidence(self.version, self.production):
            if row.type in without or stages.index(row.stage) > stages.index(stage):
                continue
            fields = {name: "stated" if value == "" else value for name, value in row.fields.items()}
            self.state(row.type, fields | changed.get(row.type, {}))

    def state(self, type_id: str, fields: dict[str, Any]) -> None:
        """One accepted item of evidence, written without asking who may."""
        source = Source.RECORD if catalogue()[type_id].is_record else Source.ATTESTED
        row = Evidence(version=self.version, use_case=self.use_case, types={type_id: fields}, source=source, summary="Done.",
                       title=catalogue()[type_id].title, dated=timezone.now().date(), produced_by=self.developer)  # fmt: skip
        row.save()
        EvidenceMark(evidence=row, kind=EvidenceMark.Kind.ACCEPTED, reason="Looked at it.", by=self.validator).save()

    def put(
        self, type_id: str, fields: dict[str, Any], *, dated: date | None = None, valid_until: date | None = None
    ) -> Evidence:
        """One accepted item of evidence."""
        kind = catalogue()[type_id]
        when = dated or timezone.now().date()
        words = {"summary": f"{kind.title} was done.", "dated": when, "valid_until": valid_until}
        if kind.is_record:
            return evidence.record(self.version, type=type_id, fields=fields, actor=audit.system("workflow"), **words)
        row = evidence.submit(self.version, type=type_id, fields=fields, actor=self.developer, **words)
        evidence.accept(row, reason="Looked at it.", actor=self.validator)
        return row

    def measure(self, **changed: dict[str, float]) -> None:
        """Results of checks, one item per check, with the metrics that limits read."""
        for check, metrics in {**METRICS, **changed}.items():
            rows = [{"key": key, "label": key, "unit": "", "value": value} for key, value in metrics.items()]
            row = Evidence(
                version=self.version,
                use_case=self.use_case,
                types={},
                check_key=check,
                source=Source.COMPUTED,
                title=check.replace("_", " ").capitalize(),
                summary="Measured.",
                dated=timezone.now().date(),
                metrics=rows,
            )
            row.save()
            with transaction.atomic():
                audit.record(audit.system("evidence"), "evidence.computed", row, row=row, changes=[self.version])

    def result(self, requirement: str, **how: Any) -> services.RequirementResult:
        """The result of one requirement in production, judged now."""
        judgement = services.assess(self.version, how.pop("environment", self.production), **how)
        return next(row for row in judgement.results if row.id == requirement)


@pytest.fixture
def loaded(db: None) -> None:
    """The packs are in the database."""
    services.load_packs()


@pytest.fixture
def credit(loaded: None) -> World:
    """A tier 2 credit use case with answers, data and a version, and nothing shown yet."""
    developer, risk = factories.person("developer"), factories.person("risk_officer", username="risk")
    for name, value in ORGANISATION.items():
        OrganisationFact.objects.create(name=name, value=value, set_by=risk)
    case = factories.use_case(
        "credit-scoring", owner=factories.person("model_owner", username="owner", use_case="credit-scoring")
    )
    services.answer_facts(case, facts=FACTS, answers=ANSWERS, actor=case.owner)
    services.confirm_tier(case, tier=2, actor=risk)
    case.refresh_from_db()
    table = factories.dataset(
        "applications", permitted_purposes=["credit"], terms_end_on=timezone.now().date() + timedelta(days=400)
    )
    version = factories.version(
        factories.model(case, "scorecard"), developer=developer, features=[{"name": "age"}], output={"kind": "binary_classification"},
        training={"metrics": {"auc": 0.793}},
    )  # fmt: skip
    factories.link(version, factories.dataset_version(table))
    version = ModelVersion.objects.select_related("model__use_case").get(pk=version.pk)
    return World(
        use_case=case, version=version, production=factories.environment("production", is_production=True),
        staging=factories.environment("staging"), owner=case.owner, developer=developer, validator=factories.person("validator"),
        risk=risk, risk2=factories.person("head_of_model_risk"), auditor=factories.person("auditor"),
        pipeline=factories.service_account(),
    )  # fmt: skip


@pytest.fixture
def ready(credit: World) -> World:
    """The same with everything shown that production asks for."""
    credit.show()
    credit.measure()
    return credit
