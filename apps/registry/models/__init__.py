"""Tables of the registry: what is in the inventory, the content of versions, where they run and who touched them."""

from apps.registry.models.inventory import IntakeAnswer, Kpi, Model, UseCase
from apps.registry.models.running import Deployment, Environment
from apps.registry.models.versions import (
    ArtifactAlias,
    DatasetLink,
    Involvement,
    ModelVersion,
)

__all__ = [
    "ArtifactAlias",
    "DatasetLink",
    "Deployment",
    "Environment",
    "IntakeAnswer",
    "Involvement",
    "Kpi",
    "Model",
    "ModelVersion",
    "UseCase",
]
