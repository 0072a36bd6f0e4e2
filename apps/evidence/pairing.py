"""Which other version a version is compared with, and where that one's scores are."""

from collections.abc import Sequence

from apps.registry.models import DatasetLink, Deployment, ModelVersion


def other_version(version: ModelVersion, named: str = "") -> ModelVersion | None:
    """The version with this name; without one that in production, else the one registered before. None where it has no scores."""
    others = ModelVersion.objects.filter(model=version.model_id).exclude(pk=version.pk)
    if named:
        found = others.filter(version=named).first()
    else:
        running = Deployment.objects.active().filter(version__in=others, environment__is_production=True)
        deployment = running.select_related("version").order_by("-id").first()
        earlier = others.filter(pk__lt=version.pk).order_by("-created_at", "-id")
        found = deployment.version if deployment else earlier.first()
    return found if found is not None and has_scores(found) else None


def has_scores(version: ModelVersion) -> bool:
    """Whether the version's scores are on record, or can be asked for."""
    return bool(version.endpoint.get("url")) or scored_link(version) is not None


def scored_link(version: ModelVersion) -> DatasetLink | None:
    """The link to a file with the version's decisions or scores."""
    links = version.dataset_links.select_related("dataset_version__dataset").order_by("-role", "id")
    able = (link for link in links if (link.prediction or link.score) and (link.uri or link.dataset_version.uri))
    return next(able, None)


def in_roles(links: Sequence[DatasetLink], roles: Sequence[str]) -> list[DatasetLink]:
    """Links to files in these roles, best role first."""
    return [link for role in roles for link in links if link.role == role and address(link)]


def address(link: DatasetLink) -> str:
    """Where the link's file is."""
    return link.uri or link.dataset_version.uri


def references(links: Sequence[DatasetLink], roles: Sequence[str], named: str = "") -> list[DatasetLink]:
    """Datasets that another can be compared with, best first; only those of this name where one is given."""
    return [link for link in in_roles(links, roles) if not named or link.dataset_version.dataset.name == named]
