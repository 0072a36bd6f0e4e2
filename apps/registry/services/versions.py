"""Registering a version: its content is checked, hashed, written once, tied to its data and to the people who made it."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import transaction

from apps.accounts.models import User
from apps.audit.services import record
from apps.core.errors import Conflict, Invalid
from apps.core.permissions import authorise
from apps.registry.artifacts import Artifact, fault
from apps.registry.content import Registration, read_content
from apps.registry.models import ArtifactAlias, DatasetLink, Involvement, Model, ModelVersion
from apps.registry.services.involvement import involve
from apps.registry.services.links import tie

Capacity = Involvement.Capacity


def register_version(model: Model, *, registration: Registration, actor: User) -> ModelVersion:
    """Register a version. The same content under the same name again is the same version; other content is a Conflict."""
    return register_once(model, registration=registration, actor=actor)[0]


@transaction.atomic
def register_once(model: Model, *, registration: Registration, actor: User) -> tuple[ModelVersion, bool]:
    """As `register_version`, and whether the version is new."""
    model = Model.objects.locked(model.pk)
    authorise(actor, "registry.register_version", model)
    columns, artifact, found = read_content(registration, settings.ALLOWED_SCORING_HOSTS)
    developers = find_developers(registration.developers, found)
    if found or artifact is None:
        raise Invalid(errors=found)
    earlier = model.versions.filter(version=registration.version).first()
    if earlier is not None:
        require_same(earlier, columns, registration.datasets)
        return earlier, False
    version = ModelVersion(model=model, created_by=actor, **columns)
    version.save()
    said = {"model": str(model.pk), "version": version.version, "artifact_digest": version.artifact_digest}
    record(actor, "registry.version_registered", version, data=said, row=version, changes=[version])
    name_bytes(version, artifact)
    involve_makers(version, actor, developers)
    for link in registration.datasets:
        tie(version, link, actor)
    return version, True


def find_developers(usernames: Sequence[str], found: list[dict[str, str]]) -> list[User]:
    """The people on whose behalf a service account registers; who is not known is added to what is wrong."""
    known = {user.username: user for user in User.objects.active().people().filter(username__in=usernames)}
    for index, username in enumerate(usernames):
        if username not in known:
            sentence = f"There is no active person with the user name {username!r}."
            found.append(fault(f"/developers/{index}", "UNKNOWN_PERSON", sentence))
    return list(known.values())


def require_same(earlier: ModelVersion, columns: Mapping[str, Any], links: Sequence[Mapping[str, Any]]) -> None:
    """Raise Conflict, naming what differs, unless the version that exists has exactly this content and these links."""
    differing = sorted(name for name, value in columns.items() if getattr(earlier, name) != value)
    if not differing and links_of(earlier) >= {link_key(link) for link in links}:
        return
    words = ", ".join(differing) or "datasets"
    raise Conflict(
        f"{earlier} is registered already with other content ({words}). A version never changes: take a new version.",
        code="VERSION_EXISTS",
        id=str(earlier.pk),
        differs=differing or ["datasets"],
    )


def links_of(version: ModelVersion) -> set[tuple[str, ...]]:
    """The links of a version, as comparable values."""
    rows = DatasetLink.objects.filter(version=version).values_list(
        "dataset_version__dataset__namespace", "dataset_version__dataset__name", "dataset_version__key", "role"
    )
    return set(rows)


def link_key(link: Mapping[str, Any]) -> tuple[str, ...]:
    """One link of a registration, as a comparable value."""
    return link["namespace"], link["name"], link["version"], link["role"]


def name_bytes(version: ModelVersion, artifact: Artifact) -> None:
    """Keep every digest by which the gate may be asked about this version."""
    for kind, digest in artifact.aliases:
        ArtifactAlias.objects.create(version=version, kind=kind, digest=digest)


def involve_makers(version: ModelVersion, actor: User, developers: Sequence[User]) -> None:
    """Who registered, who built and who owns, from the first moment."""
    involve(version, actor, Capacity.REGISTERED)
    for builder in developers or ([actor] if actor.is_person else []):
        involve(version, builder, Capacity.BUILT)
    if actor.is_person:
        involve(version, actor, Capacity.BUILT)
    for owner in {version.model.owner, version.use_case.owner}:
        involve(version, owner, Capacity.OWNS)
