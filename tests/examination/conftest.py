"""The gate's world with decisions of two outcomes, and an auditor who looks at them."""

from typing import Any

import pytest

from apps.accounts.models import User
from tests import factories
from tests.gate.conftest import approved, ask
from tests.workflow.conftest import granted, shelf

__all__ = ["approved", "granted", "shelf"]


@pytest.fixture
def auditor(db: None) -> User:
    """Holds the role auditor and no other."""
    return factories.person("auditor", username="auditor")


@pytest.fixture
def decided(approved: Any) -> Any:
    """The world with three allows and two denials of an unknown artifact."""
    approved.allowed = [ask(approved) for _ in range(3)]
    unknown = {"type": "model_version", "id": "sha256:" + "0" * 64}
    approved.denied = [ask(approved, resource=unknown) for _ in range(2)]
    return approved
