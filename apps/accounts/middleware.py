"""What surrounds a request as far as accounts go."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from apps.accounts.queries import roles_read_once

READS = ("GET", "HEAD")


class RolesReadOnce:
    """A request that only reads asks once which roles a person holds; one that writes asks each time."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in READS:
            return self.get_response(request)
        with roles_read_once():
            return self.get_response(request)
