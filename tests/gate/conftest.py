"""The workflow's world, asked about by a pipeline."""

from typing import Any

import pytest

from apps.gate import services
from apps.gate.models import Decision
from apps.gate.services import Question
from tests import factories
from tests.workflow.conftest import World, again, bare, granted, shelf, world

__all__ = ["bare", "granted", "shelf", "world"]


def ask(world: World, **changes: Any) -> Decision:
    """The pipeline asks about the world's version in production."""
    values = {
        "door": "test",
        "resource": {"type": "model_version", "id": world.version.artifact_digest},
        "environment": world.production.slug,
        **changes,
    }
    return services.decide(Question(**values), asker=world.pipeline)


@pytest.fixture
def approved(granted: World, db: None) -> World:
    """A version that was approved for production."""
    return again(granted)


@pytest.fixture
def caller(approved: World) -> Any:
    """The pipeline's API client with the right to ask."""
    return factories.api(approved.pipeline, "gate:ask", "read")


@pytest.fixture
def caller_of() -> Any:
    """A maker of API clients for a world's pipeline."""
    return lambda world: factories.api(world.pipeline, "gate:ask", "read")
