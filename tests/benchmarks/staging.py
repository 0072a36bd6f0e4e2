"""What benchmarks of the upper storeys start from: an approved version, made through the product's own services."""

from django.conf import settings
from django.test import override_settings

from apps.accounts.models import OrganisationFact
from apps.audit import services as audit
from apps.policy import services as policy
from apps.workflow import services as workflow
from tests.workflow.conftest import ORGANISATION, QUICK_HASHER, World, again, build


def prepare() -> None:
    """The log's key and name, which signatures are bound to; policies, processes and the facts about the organisation."""
    audit.ensure_key()
    policy.load_packs()
    workflow.publish_processes(workflow.shipped_definition(), actor=audit.system("workflow"))
    for name, value in ORGANISATION.items():
        OrganisationFact.objects.create(name=name, value=value)


def quick_passwords() -> override_settings:
    """Signing asks for a password; hashing it is slow on purpose and not what is measured."""
    return override_settings(PASSWORD_HASHERS=[QUICK_HASHER, *settings.PASSWORD_HASHERS])


@quick_passwords()
def shown_world(tier: int = 2, slug: str = "credit-scoring") -> World:
    """A version with everything that approval asks for."""
    made = build(tier, slug)
    made.show()
    return again(made)


@quick_passwords()
def approve(world: World) -> None:
    """Every step of the review, signed."""
    world.approve()
