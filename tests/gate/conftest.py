"""The workflow's world, asked about by a pipeline."""

from typing import Any

import pytest

from apps.gate import services
from apps.gate.models import Decision
from apps.gate.services import Question
from tests import factories
from tests.workflow.conftest import World, bare, shelf, world

__all__ = ["bare", "shelf", "world"]


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
def approved(world: World) -> World:
    """A version that was approved for production."""
    world.approve()
    return world


@pytest.fixture
def caller(world: World) -> Any:
    """The pipeline's API client with the right to ask."""
    return factories.api(world.pipeline, "gate:ask", "read")
