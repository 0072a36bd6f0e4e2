"""A small world for pages: one use case with a model, two versions, data and places to run."""

from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.catalog.models import Dataset
from apps.registry.models import Environment, Model, ModelVersion, UseCase
from tests import factories


@dataclass
class World:
    """What the pages show."""

    risk: User
    developer: User
    stranger: User
    use_case: UseCase
    model: Model
    first: ModelVersion
    second: ModelVersion
    production: Environment
    dataset: Dataset


@pytest.fixture
def world(db: Any) -> World:
    """Two versions of a credit model; the first runs in production."""
    use_case = factories.use_case("retail-credit", title="Retail credit", purpose="Decide on consumer credit.")
    model = factories.model(use_case, "credit-scoring", name="Credit scoring")
    developer = factories.person("developer", use_case=use_case.slug, username="builder")
    training = {"seed": 1, "code_commit": "5e0c1b7", "parameters": {"depth": 3, "rate": 0.1}}
    first = factories.version(model, developer=developer, version="11", training=training)
    later = {**training, "parameters": {"depth": 4, "rate": 0.1}}
    features = [{"name": "balance", "reason": "Shows means"}]
    second = factories.version(
        model, developer=developer, version="12", training=later, features=features, reason="design"
    )
    production = factories.environment("production", is_production=True)
    factories.deployment(first, production, state="active")
    dataset = factories.dataset("credit_applications", fields=("age", "amount"))
    factories.link(second, factories.dataset_version(dataset, "12"))
    return World(
        risk=factories.person("risk_officer", "auditor", username="risky"),
        developer=developer,
        stranger=factories.person(username="stranger"),
        use_case=use_case,
        model=model,
        first=first,
        second=second,
        production=production,
        dataset=dataset,
    )


@pytest.fixture
def browser_of() -> Any:
    """A signed-in browser for a person."""
    return factories.signed_in


@pytest.fixture
def risk(world: World) -> Client:
    """The risk officer's browser."""
    return factories.signed_in(world.risk)
