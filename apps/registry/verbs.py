"""How entries about the inventory read, and how its objects are called."""

from collections.abc import Mapping

from apps.accounts.queries import uuids_among
from apps.audit.verbs import Name, names, register
from apps.registry.models import Environment, Model, ModelVersion, UseCase

register(
    {
        "registry.use_case_created": "registered the use case",
        "registry.use_case_changed": "changed the use case",
        "registry.kpis_set": "set the measures of",
        "registry.facts_answered": "answered questions about",
        "registry.tier_proposed": "proposed a tier for",
        "registry.tier_confirmed": "confirmed the tier of",
        "registry.model_created": "registered the model",
        "registry.owner_changed": "handed over",
        "registry.model_state_proposed": "proposed a state for",
        "registry.model_state_changed": "changed the state of",
        "registry.version_registered": "registered",
        "registry.dataset_linked": "tied data to",
        "registry.involved": "took part in",
        "registry.environment_created": "added the environment",
        "registry.environment_changed": "changed the environment",
        "registry.deployment_authorised": "was allowed to deploy",
        "registry.deployment_started": "started",
        "registry.deployment_ended": "ended",
    }
)


@names("use_case")
def use_case_names(keys: set[str]) -> Mapping[str, Name]:
    """Use cases by title."""
    found = UseCase.objects.filter(pk__in=uuids_among(keys)).only("pk", "title", "slug")
    return {str(row.pk): Name(row.title, f"/use-cases/{row.slug}/") for row in found}


@names("model")
def model_names(keys: set[str]) -> Mapping[str, Name]:
    """Models by name."""
    found = Model.objects.filter(pk__in=uuids_among(keys)).only("pk", "name", "slug")
    return {str(row.pk): Name(row.name, f"/models/{row.slug}/") for row in found}


@names("model_version")
def model_version_names(keys: set[str]) -> Mapping[str, Name]:
    """Versions by model and version."""
    found = ModelVersion.objects.filter(pk__in=uuids_among(keys)).select_related("model")
    return {str(row.pk): Name(str(row), f"/models/{row.model.slug}/versions/{row.version}/") for row in found}


@names("environment")
def environment_names(keys: set[str]) -> Mapping[str, Name]:
    """Environments by name."""
    found = Environment.objects.filter(pk__in=uuids_among(keys)).only("pk", "name")
    return {str(row.pk): Name(row.name) for row in found}
