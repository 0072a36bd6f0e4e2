"""What people say of data and answer for: the dataset itself, its terms, its versions, its columns."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.catalog.models import Classification, Dataset, DatasetVersion, Field
from apps.catalog.services.known import ensure_dataset, ensure_version
from apps.catalog.services.recording import record_change
from apps.core.errors import Conflict, Invalid
from apps.core.permissions import authorise


@dataclass(frozen=True)
class Terms:
    """Under which conditions, for which purposes and until when data may be used."""

    terms: str = ""
    permitted_purposes: Sequence[str] = ()
    terms_end_on: date | None = None
    lawful_basis: str = ""
    retention: str = ""

    def as_logged(self) -> dict[str, Any]:
        """As an entry of the log holds it."""
        end = self.terms_end_on.isoformat() if self.terms_end_on else None
        return {**asdict(self), "permitted_purposes": list(self.permitted_purposes), "terms_end_on": end}


@dataclass(frozen=True)
class FieldDeclaration:
    """What one person says of one column. None leaves as it is what was said before."""

    path: str
    type: str | None = None
    classification: str | None = None
    protected: bool | None = None
    privileged: str | None = None
    masked: bool | None = None
    description: str | None = None

    def changes(self) -> dict[str, Any]:
        """Column name to value, for what is said."""
        said = {
            "type": self.type,
            "classification": self.classification,
            "is_protected": self.protected,
            "privileged": self.privileged,
            "is_masked": self.masked,
            "description": self.description,
        }
        return {name: value for name, value in said.items() if value is not None}


def terms_of(dataset: Dataset) -> Terms:
    """The terms a dataset has now."""
    return Terms(
        dataset.terms, tuple(dataset.permitted_purposes), dataset.terms_end_on, dataset.lawful_basis, dataset.retention
    )


def put_terms(dataset: Dataset, terms: Terms) -> None:
    """Write terms into the row, without saving."""
    for name, value in asdict(terms).items():
        setattr(dataset, name, list(value) if name == "permitted_purposes" else value)


@transaction.atomic
def register_dataset(
    namespace: str,
    name: str,
    *,
    title: str = "",
    description: str = "",
    kind: str = Dataset.Kind.OTHER,
    owner: User | None = None,
    provenance: str = "",
    collection: str = "",
    terms: Terms | None = None,
    actor: User,
) -> Dataset:
    """Take responsibility for a dataset. One that lineage named before becomes governed; a governed one is a Conflict."""
    authorise(actor, "catalog.register_dataset")
    dataset = Dataset.objects.locked(ensure_dataset(namespace, name, actor=actor).pk)
    if dataset.is_governed:
        raise Conflict(
            f"{namespace} {name} is registered already, as {dataset.pk}.", code="DATASET_EXISTS", id=str(dataset.pk)
        )
    dataset.title, dataset.description, dataset.kind = title or name, description, kind
    dataset.provenance, dataset.collection = provenance, collection
    dataset.owner, dataset.is_governed = owner or actor, True
    terms = terms or Terms()
    put_terms(dataset, terms)
    dataset.save()
    said = {"namespace": namespace, "name": name, "kind": kind, "owner": str(dataset.owner_id), **terms.as_logged()}
    record_change(actor, "catalog.dataset_registered", dataset, said=said)
    return dataset


@transaction.atomic
def change_terms(dataset: Dataset, *, terms: Terms, reason: str = "", actor: User) -> Dataset:
    """Replace the terms of use. Every judgement that read a version of this dataset is made again."""
    dataset = Dataset.objects.locked(dataset.pk)
    authorise(actor, "catalog.change_terms", dataset)
    before = terms_of(dataset)
    after = replace(terms, permitted_purposes=tuple(terms.permitted_purposes))
    if before == after:
        return dataset
    put_terms(dataset, after)
    if dataset.state == Dataset.State.TERMS_ENDED and not dataset.end_has_passed(timezone.now().date()):
        dataset.state = Dataset.State.ACTIVE
    dataset.save()
    said = {"before": before.as_logged(), "after": after.as_logged()}
    record_change(actor, "catalog.terms_changed", dataset, said=said, reason=reason)
    return dataset


@transaction.atomic
def declare_version(
    dataset: Dataset,
    key: str,
    *,
    sha256: str = "",
    uri: str = "",
    rows: int | None = None,
    valid_from: datetime | None = None,
    actor: User,
) -> DatasetVersion:
    """Name a state of a dataset by key, with the hash of its bytes."""
    dataset = Dataset.objects.locked(dataset.pk)
    authorise(actor, "catalog.declare_version", dataset)
    origin = DatasetVersion.Origin.DECLARED
    return ensure_version(
        dataset, key, origin=origin, sha256=sha256, uri=uri, rows=rows, valid_from=valid_from, actor=actor
    )


@transaction.atomic
def declare_fields(
    dataset: Dataset, *, fields: Sequence[FieldDeclaration], reason: str = "", actor: User
) -> list[Field]:
    """Say what columns hold. Columns that are not named keep what was said of them; a new name makes a new column."""
    dataset = Dataset.objects.locked(dataset.pk)
    authorise(actor, "catalog.declare_fields", dataset)
    require_distinct(fields)
    known = {row.path: row for row in dataset.fields.all()}
    said: dict[str, Any] = {}
    for declaration in fields:
        changed = declare_field(dataset, known, declaration, actor)
        if changed:
            said[declaration.path] = changed
    if said:
        record_change(actor, "catalog.fields_declared", dataset, said={"fields": said}, reason=reason)
    return list(dataset.fields.order_by("ordinal", "path"))


def require_distinct(fields: Sequence[FieldDeclaration]) -> None:
    """Raise Invalid when a column is named twice or a classification does not exist."""
    errors = []
    seen: set[str] = set()
    for index, declaration in enumerate(fields):
        if declaration.path in seen:
            sentence = f"{declaration.path} is named twice."
            errors.append({"pointer": f"/fields/{index}/name", "code": "NAMED_TWICE", "detail": sentence})
        if declaration.classification not in {None, *Classification.values}:
            sentence = f"{declaration.classification!r} is not one of {', '.join(Classification.values)}."
            errors.append({"pointer": f"/fields/{index}/classification", "code": "UNKNOWN", "detail": sentence})
        seen.add(declaration.path)
    if errors:
        raise Invalid(errors=errors)


def declare_field(
    dataset: Dataset, known: dict[str, Field], declaration: FieldDeclaration, actor: User
) -> dict[str, Any]:
    """Write one column; the answer is what changed, as {column: [before, after]}."""
    row = known.get(declaration.path)
    is_first = row is None or not row.is_declared
    row = row or Field(dataset=dataset, path=declaration.path, ordinal=len(known))
    changed = {
        name: [getattr(row, name), value]
        for name, value in declaration.changes().items()
        if getattr(row, name) != value
    }
    if not changed and not is_first:
        return {}
    for name, (_before, after) in changed.items():
        setattr(row, name, after)
    row.is_declared, row.declared_by = True, actor
    row.save()
    known[row.path] = row
    return {"is_declared": [not is_first, True], **changed}
