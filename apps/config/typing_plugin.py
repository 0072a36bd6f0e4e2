"""For mypy: behind a door, `request.user` is a user of ours.

Every view refuses outsiders before it runs (tests/house/test_doors.py asks each address), so the type of Django's stubs, "a user
or nobody", would make every view test again for what cannot be.
"""

from collections.abc import Callable

from mypy.plugin import AttributeContext, Plugin
from mypy.types import Instance, Type, UnionType, get_proper_type

REQUESTS = {"django.http.request.HttpRequest.user", "rest_framework.request.Request.user"}
NOBODY = "django.contrib.auth.models.AnonymousUser"


def without_nobody(context: AttributeContext) -> Type:
    """The attribute's type less AnonymousUser."""
    found = get_proper_type(context.default_attr_type)
    if not isinstance(found, UnionType):
        return found
    return UnionType.make_union([item for item in found.items if not is_nobody(item)])


def is_nobody(item: Type) -> bool:
    """True for AnonymousUser."""
    one = get_proper_type(item)
    return isinstance(one, Instance) and one.type.fullname == NOBODY


class SignedIn(Plugin):
    """Narrows `request.user` in web and API views."""

    def get_attribute_hook(self, fullname: str) -> Callable[[AttributeContext], Type] | None:
        """mypy asks for every attribute; only the two requests are ours."""
        return without_nobody if fullname in REQUESTS else None


def plugin(version: str) -> type[Plugin]:
    """Where mypy begins."""
    return SignedIn
