"""Which data a version was made from and measured on, and who said what those data hold."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from apps.accounts.models import User
from apps.audit.services import record
from apps.catalog import services as catalog
from apps.catalog.models import Dataset, DatasetVersion, Field
from apps.core.errors import Invalid
from apps.core.permissions import authorise
from apps.registry.content import link_faults
from apps.registry.models import DatasetLink, Involvement, ModelVersion
from apps.registry.services.involvement import involve

COLUMNS = ("uri", "sha256", "target", "prediction", "score")


@transaction.atomic
def link_dataset(version: ModelVersion, *, link: Mapping[str, Any], actor: User) -> DatasetLink:
    """Tie a version to one more state of a dataset, for example to what it scored. The same link again changes nothing."""
    authorise(actor, "registry.link_dataset", version)
    if found := link_faults([link]):
        raise Invalid(
            errors=[{**error, "pointer": error["pointer"].removeprefix("/datasets/0") or "/"} for error in found]
        )
    return tie(version, link, actor)


def tie(version: ModelVersion, link: Mapping[str, Any], actor: User) -> DatasetLink:
    """Write one checked link; datasets and versions that nobody named before become known, ungoverned."""
    dataset = catalog.ensure_dataset(link["namespace"], link["name"], actor=actor)
    state = catalog.ensure_version(
        dataset,
        link["version"],
        origin=DatasetVersion.Origin.DECLARED,
        sha256=link.get("sha256", ""),
        uri=link.get("uri", ""),
        actor=actor,
    )
    columns = {name: link.get(name, "") for name in COLUMNS}
    row, is_new = DatasetLink.objects.get_or_create(
        version=version, dataset_version=state, role=link["role"], defaults=columns
    )
    if is_new:
        said = {"dataset_version": str(state.pk), "role": row.role}
        record(actor, "registry.dataset_linked", version, data=said, row=row, changes=[version])
        for person in User.objects.filter(fields_declared__dataset=dataset).distinct().order_by("pk"):
            involve(version, person, Involvement.Capacity.DECLARED_DATA)
    return row


@transaction.atomic
def declare_dataset_fields(
    dataset: Dataset, *, fields: Sequence[catalog.FieldDeclaration], reason: str = "", actor: User
) -> list[Field]:
    """Say what the columns of a dataset hold, and remember it at every version that was made from the dataset."""
    declared = catalog.declare_fields(dataset, fields=fields, reason=reason, actor=actor)
    versions = ModelVersion.objects.filter(dataset_links__dataset_version__dataset=dataset).distinct().order_by("pk")
    for version in versions:
        involve(version, actor, Involvement.Capacity.DECLARED_DATA)
    return declared
