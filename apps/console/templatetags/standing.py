"""What the head of every version page says of its approval, also on pages of apps that know no reviews."""

from django import template

from apps.console.queries.versions import states
from apps.core import moment
from apps.registry.models import ModelVersion

register = template.Library()


@register.simple_tag
def state_on_record(version: ModelVersion) -> str:
    """The state of the version's newest review as the rules last found it, at the moment that the page shows."""
    return states([version], at=moment.past())[version.pk]
