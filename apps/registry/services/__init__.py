"""Everything that changes the inventory: lock, authorise, change, record."""

from apps.registry.services.inventory import (
    KpiTarget,
    answer_facts,
    change_model_owner,
    change_use_case,
    confirm_model_state,
    confirm_tier,
    create_model,
    create_use_case,
    propose_model_state,
    set_kpis,
    set_proposed_tier,
)
from apps.registry.services.involvement import involve
from apps.registry.services.links import declare_dataset_fields, link_dataset
from apps.registry.services.running import (
    authorise_deployment,
    change_environment,
    create_environment,
    end_deployment,
    start_deployment,
)
from apps.registry.services.versions import register_once, register_version

__all__ = [
    "KpiTarget",
    "answer_facts",
    "authorise_deployment",
    "change_environment",
    "change_model_owner",
    "change_use_case",
    "confirm_model_state",
    "confirm_tier",
    "create_environment",
    "create_model",
    "create_use_case",
    "declare_dataset_fields",
    "end_deployment",
    "involve",
    "link_dataset",
    "propose_model_state",
    "register_once",
    "register_version",
    "set_kpis",
    "set_proposed_tier",
    "start_deployment",
]
