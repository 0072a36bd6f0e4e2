"""What can go wrong, said once: every refusal is a sentence with a stable code.

Services raise these; `apps.core.rest.problem_response` turns them into RFC 9457 problem+json and `ErrorPages` into a page.
"""

import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

if TYPE_CHECKING:
    from apps.core.permissions import Refusal

log = structlog.get_logger(__name__)


class ProductError(Exception):
    """A refusal: `status` (HTTP), `code` (stable, for machines), `title` (the kind) and `detail` (this case, for people)."""

    status = 500
    code = "INTERNAL"
    title = "Something went wrong"

    def __init__(self, detail: Any = "", *, code: str | None = None, **extra: Any) -> None:
        self.detail = str(detail) or str(self.title)
        self.code = code or type(self).code
        self.extra = extra
        super().__init__(self.detail)

    def as_problem(self, *, instance: str = "", request_id: str = "") -> dict[str, Any]:
        """The RFC 9457 body of this error."""
        return {
            "type": f"/problems/{self.code.lower().replace('_', '-')}",
            "title": str(self.title),
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
            "request_id": request_id,
            **self.extra,
        }


class BadRequest(ProductError):
    """The request could not be read."""

    status, code, title = 400, "BAD_REQUEST", "The request could not be read"


class NotAuthenticated(ProductError):
    """Nobody is signed in, or the token is not valid."""

    status, code, title = 401, "NOT_AUTHENTICATED", "Sign in first"


class NotAllowed(ProductError):
    """This person may not do this. Carries every reason as a `Refusal`."""

    status, code, title = 403, "NOT_ALLOWED", "Not allowed"

    def __init__(self, detail: Any = "", *, refusals: Sequence["Refusal"] = (), code: str | None = None, **extra: Any):
        self.refusals = list(refusals)
        if self.refusals:
            detail = detail or " ".join(refusal.sentence for refusal in self.refusals)
            code = code or self.refusals[0].code
            extra["reasons"] = [{"code": refusal.code, "detail": refusal.sentence} for refusal in self.refusals]
        super().__init__(detail, code=code, **extra)


class NotFound(ProductError):
    """There is no such object, or this person may not know of it."""

    status, code, title = 404, "NOT_FOUND", "Not found"


class WrongState(ProductError):
    """The object is in a state in which this cannot be done."""

    status, code, title = 409, "WRONG_STATE", "Not in this state"


class Conflict(ProductError):
    """Something changed in between, or already exists."""

    status, code, title = 409, "CONFLICT", "Something changed in between"


class TooLarge(ProductError):
    """The body is larger than the limit."""

    status, code, title = 413, "TOO_LARGE", "Too large"


class Invalid(ProductError):
    """The content is readable but wrong. `errors` is a list of {"pointer", "code", "detail"}."""

    status, code, title = 422, "INVALID", "The content is not valid"

    def __init__(
        self, detail: Any = "", *, errors: Sequence[dict[str, str]] = (), code: str | None = None, **extra: Any
    ):
        self.errors = list(errors)
        if self.errors:
            detail = detail or " ".join(error["detail"] for error in self.errors[:3])
            extra["errors"] = self.errors
        super().__init__(detail, code=code, **extra)


class TooMany(ProductError):
    """Too many requests or attempts. `retry_after` is in seconds."""

    status, code, title = 429, "TOO_MANY", "Too many attempts"

    def __init__(self, detail: Any = "", *, retry_after: int = 60, code: str | None = None, **extra: Any):
        self.retry_after = retry_after
        super().__init__(detail, code=code, **extra)


class Unavailable(ProductError):
    """A part that is needed does not answer. Trying again later may help."""

    status, code, title = 503, "UNAVAILABLE", "Not available at the moment"


def wants_json(request: HttpRequest) -> bool:
    """Whether the caller is a machine: the API's and the gate's paths always answer in JSON."""
    return f"{request.path}/".startswith(("/api/", "/access/", "/gate/", "/.well-known/", "/healthz/", "/readyz/"))


def error_headers(error: ProductError) -> dict[str, str]:
    """Headers that go with the error."""
    if isinstance(error, TooMany):
        return {"Retry-After": str(error.retry_after)}
    if isinstance(error, Unavailable):
        return {"Retry-After": "5"}
    if isinstance(error, NotAuthenticated):
        return {"WWW-Authenticate": 'Bearer realm="imprimatur"'}
    return {}


def render_error(request: HttpRequest, error: ProductError) -> HttpResponse:
    """The answer to a refused request, as problem+json for machines and as a page for people."""
    request_id = getattr(request, "request_id", "")
    if wants_json(request):
        body = error.as_problem(instance=request.path, request_id=request_id)
        response: HttpResponse = JsonResponse(body, status=error.status, content_type="application/problem+json")
    else:
        template = f"{error.status}.html" if error.status in {400, 403, 404, 409, 429, 500} else "409.html"
        context = {"error": error, "request_id": request_id}
        response = render(request, [template, "500.html"], context, status=error.status)
    for name, value in error_headers(error).items():
        response[name] = value
    return response


class RequestId:
    """Gives every request an id that is in the answer, in the log and in every audit entry it causes."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        usable = 8 <= len(given) <= 64 and given.replace("-", "").replace("_", "").isalnum() and given.isascii()
        request_id = given if usable else str(uuid.uuid4())
        request.request_id = request_id  # type: ignore[attr-defined]
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        return response


class ErrorPages:
    """Turns the product's own errors, and a database that does not answer, into pages and problem+json."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Django calls this with what a view raised; None leaves it to Django (and to the server's error page)."""
        if isinstance(exception, ProductError):
            return render_error(request, exception)
        if isinstance(exception, OperationalError | InterfaceError):
            log.error("database_unavailable", error=str(exception).splitlines()[0] if str(exception) else "")
            return render_error(request, Unavailable("The database does not answer. Try again in a few seconds."))
        if isinstance(exception, Http404):
            return render_error(request, NotFound("There is nothing at this address."))
        if isinstance(exception, PermissionDenied):
            return render_error(request, NotAllowed(str(exception) or "You may not do this."))
        if isinstance(exception, RequestDataTooBig):
            return render_error(request, TooLarge("The body is larger than this call accepts."))
        if isinstance(exception, SuspiciousOperation):
            return render_error(request, BadRequest("The request is not well formed."))
        return None


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """handler400: a request that no view saw, such as one for another host. A page of it is plain: nobody is known yet."""
    if wants_json(request):
        return render_error(request, BadRequest("The request is not well formed."))
    return HttpResponse("<h1>The request is not well formed</h1>", status=400)


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """handler404: an address that no page and no call has."""
    return render_error(request, NotFound("There is nothing at this address."))


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500: the reference id in the answer is the one in the log."""
    detail = "Something went wrong on our side. Nothing was changed. The reference below is also in the log."
    return render_error(request, ProductError(detail))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form was sent without a valid token, most often because the session ended while the page was open."""
    detail = "This form is no longer valid, most often because you signed in again meanwhile. Go back, reload, send it again."
    return render_error(request, NotAllowed(detail, code="CSRF"))
