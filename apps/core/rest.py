"""What every API view shares: problem+json, cursor pages, and POSTs that can be repeated safely (Idempotency-Key).

Sources: RFC 9457; IETF httpapi idempotency-key draft; contracts.md section 4.
"""

import hashlib
import json
from datetime import timedelta
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as ModelInvalid
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import Q
from django.http import Http404
from django.utils import timezone
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework import exceptions, parsers, serializers, views, viewsets
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.utils.encoders import JSONEncoder

from apps.core import errors, moment
from apps.core.models import IdempotencyKey

KEPT_FOR = timedelta(hours=24)
GIVEN_UP_AFTER = timedelta(seconds=60)  # a request that was killed leaves its key without an answer
LONGEST_KEY = 255


class Reason(serializers.Serializer[Any]):
    """One thing that is wrong, and where."""

    pointer = serializers.CharField(required=False, help_text="JSON pointer to the field")
    code = serializers.CharField()
    detail = serializers.CharField()


class Problem(serializers.Serializer[Any]):
    """RFC 9457 problem details with our stable `code` and the `request_id` that is also in the log."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField()
    code = serializers.CharField()
    request_id = serializers.CharField()
    errors = Reason(many=True, required=False)  # type: ignore[assignment]  # a field of RFC 9457, not the property
    reasons = Reason(many=True, required=False)


class CursorPage(CursorPagination):
    """Cursor pages in a stable order (time, then id); `limit` up to 200."""

    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 200
    ordering = "-id"

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        """The page behind the request's cursor. Raises BadRequest on a cursor that we did not give."""
        self._columns = queryset.model._meta
        page: list[Any] | None = super().paginate_queryset(queryset, request, view)
        return page

    def decode_cursor(self, request: Request) -> Any:
        """The cursor of the request, with a position that the column it orders by can hold."""
        refusal = errors.BadRequest("The cursor is not one of ours. Start again without `cursor`.", code="CURSOR")
        try:
            cursor = super().decode_cursor(request)
        except exceptions.NotFound:
            raise refusal
        if cursor is not None and cursor.position is not None:
            try:
                self._columns.get_field(self.ordering[0].lstrip("-")).to_python(cursor.position)
            except ModelInvalid:
                raise refusal
        return cursor


class StrictJSONParser(parsers.JSONParser):
    """JSON as the database can store it: no NaN, no duplicate keys, no lone surrogates, no U+0000, not too deep."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """The parsed body. Raises ParseError with what is wrong."""
        try:
            text = stream.read().decode("utf-8")
            body = json.loads(text, object_pairs_hook=_once, parse_constant=_finite)
        except RecursionError as deep:
            raise exceptions.ParseError("The body is nested too deeply.") from deep
        except ValueError as broken:
            raise exceptions.ParseError(f"The body is not JSON that we accept: {broken}.") from broken
        if "\\u" in text and not is_storable(body):
            raise exceptions.ParseError("The body contains U+0000 or half of a surrogate pair, which cannot be stored.")
        return body


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key appears twice")
    return found


def _finite(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def is_storable(body: Any) -> bool:
    """Whether every string in a JSON value can be encoded as UTF-8 and holds no U+0000."""
    text = json.dumps(body, ensure_ascii=False)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return "\\u0000" not in text


class StrictSerializer(serializers.Serializer[Any]):
    """An input serializer that refuses fields it does not know, so that a typing error is not silently dropped."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = sorted(set(map(str, data)) - set(self.fields))
            if unknown:
                known = ", ".join(sorted(name for name, field in self.fields.items() if not field.read_only))
                sentence = f"There is no such field. Known: {known}."
                raise serializers.ValidationError({name: [sentence] for name in unknown})
        return super().to_internal_value(data)


def flatten(detail: Any, pointer: str = "") -> list[dict[str, str]]:
    """DRF's nested error detail as a flat list with JSON pointers."""
    if isinstance(detail, dict):
        parts = [(f"{pointer}/{key}", value) for key, value in detail.items() if key != "non_field_errors"]
        own = detail.get("non_field_errors", [])
        return flatten(own, pointer) + [row for path, value in parts for row in flatten(value, path)]
    if isinstance(detail, list):
        rows = []
        for index, value in enumerate(detail):
            rows += flatten(value, pointer if isinstance(value, str) else f"{pointer}/{index}")
        return rows
    return [{"pointer": pointer or "/", "code": str(getattr(detail, "code", "invalid")).upper(), "detail": str(detail)}]


def translate(error: Exception) -> errors.ProductError | None:
    """Whatever DRF, Django or the database raised, as one of our errors; None when it is a defect of ours."""
    if isinstance(error, errors.ProductError):
        return error
    if isinstance(error, exceptions.ValidationError):
        return errors.Invalid(errors=flatten(error.detail))
    if isinstance(error, exceptions.ParseError):
        return errors.BadRequest(str(error.detail), code="NOT_JSON")
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return errors.NotAuthenticated(str(error.detail))
    if isinstance(error, exceptions.PermissionDenied):
        return errors.NotAllowed(str(error.detail), code=str(getattr(error.detail, "code", "NOT_ALLOWED")).upper())
    if isinstance(error, PermissionDenied):
        return errors.NotAllowed(str(error) or "You may not do this.")
    if isinstance(error, Http404 | exceptions.NotFound):
        return errors.NotFound("There is no such object, or you may not see it.")
    if isinstance(error, exceptions.Throttled):
        seconds = error.wait or 60  # type: ignore[attr-defined]  # DRF sets it, its stubs forget it
        return errors.TooMany("Too many requests. Wait before asking again.", retry_after=int(seconds))
    if isinstance(error, exceptions.APIException):
        refusal = errors.ProductError(str(error.detail), code=str(error.default_code).upper())
        refusal.status, refusal.title = error.status_code, "The request was refused"
        return refusal
    if isinstance(error, ModelInvalid):
        return errors.Invalid("; ".join(error.messages))
    if isinstance(error, RequestDataTooBig):
        return errors.TooLarge("The body is larger than this call accepts.")
    if isinstance(error, SuspiciousOperation):
        return errors.BadRequest("The request is not well formed.")
    if isinstance(error, DataError):
        return errors.Invalid(
            "A value does not fit: it is too long, too large or contains a character we cannot store."
        )
    if isinstance(error, OperationalError | InterfaceError):
        return errors.Unavailable("The database does not answer. Try again in a few seconds.")
    return None


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's EXCEPTION_HANDLER: one shape for every refusal."""
    known = translate(error)
    if known is None:
        return None
    request = context["request"]
    response = Response(
        known.as_problem(instance=request.path, request_id=getattr(request._request, "request_id", "")),
        status=known.status,
        content_type="application/problem+json",
        headers=errors.error_headers(known),
    )
    views.set_rollback()
    return response


class Idempotent:
    """Mixin: a POST with `Idempotency-Key` has one effect; the same key and body gets the stored answer for 24 hours.

    The effect and the stored answer commit together, so a kill in between leaves neither. A view whose service commits
    by itself (`commits_itself`, where a failed password must be counted although the request is refused) stores its
    answer afterwards. A view that answers with a secret (`answers_secret`) takes no key, because answers are stored.
    """

    commits_itself: ClassVar[bool] = False
    answers_secret: ClassVar[bool] = False

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Run the view, in one transaction with the key where the view allows it."""
        self._idempotency: IdempotencyKey | None = None
        has_key = request.method == "POST" and "Idempotency-Key" in request.headers
        if has_key and not self.commits_itself:
            with transaction.atomic():
                return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        try:
            return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        except BaseException:
            if self._idempotency is not None:
                self._idempotency.delete()
            raise

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """After authentication: find the key, or claim it."""
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        key = request.headers.get("Idempotency-Key", "")
        if request.method != "POST" or not key or not request.user.is_authenticated or self.answers_secret:
            return
        if len(key) > LONGEST_KEY or "\x00" in key:
            raise errors.BadRequest(f"Idempotency-Key is longer than {LONGEST_KEY} characters.", code="IDEMPOTENCY_KEY")
        self._idempotency = claim_key(request, key)

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Store the answer beside the key; a refusal on our side (5xx) frees the key again."""
        response = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        row = self._idempotency
        if row is not None and row.status is None and row.pk:
            if response.status_code >= 500 or not hasattr(response, "data"):
                row.delete()
            else:
                body = json.loads(json.dumps(response.data, cls=JSONEncoder))
                kept = {name: response[name] for name in ("Location",) if name in response}
                IdempotencyKey.objects.filter(pk=row.pk).update(status=response.status_code, body=body, headers=kept)
        return response

    def handle_exception(self, error: Exception) -> Response:
        """A replay is raised as an exception, because nothing of the view may run."""
        if isinstance(error, Replay):
            headers = {**error.row.headers, "Idempotent-Replayed": "true"}
            is_problem = (error.row.status or 200) >= 400
            kind = "application/problem+json" if is_problem else None
            return Response(error.row.body, status=error.row.status, headers=headers, content_type=kind)
        return super().handle_exception(error)  # type: ignore[misc, no-any-return]


class Replay(Exception):
    """This request was answered before."""

    def __init__(self, row: IdempotencyKey) -> None:
        self.row = row
        super().__init__(row.key)


def claim_key(request: Request, key: str) -> IdempotencyKey:
    """The row of a first request. Raises Replay, Conflict (in flight) or Invalid (same key, other body)."""
    caller, path = str(request.user.pk), request.path[:300]
    digest = "sha256:" + hashlib.sha256(request._request.body).hexdigest()
    now, mine = timezone.now(), IdempotencyKey.objects.filter(key=key, caller=caller, path=path)
    mine.filter(Q(created_at__lt=now - KEPT_FOR) | Q(status=None, created_at__lt=now - GIVEN_UP_AFTER)).delete()
    try:
        with transaction.atomic():
            return IdempotencyKey.objects.create(key=key, caller=caller, path=path, request_digest=digest)
    except IntegrityError:
        row = mine.get()
    if row.request_digest != digest:
        raise errors.Invalid("This Idempotency-Key was used with another body. Take a new key.", code="IDEMPOTENCY_KEY")
    if row.status is None:
        raise errors.Conflict("A request with this Idempotency-Key is being worked on.", code="IN_FLIGHT")
    raise Replay(row)


class Schema(AutoSchema):
    """Documents `as_at` at every call that can show the past."""

    def get_override_parameters(self) -> list[Any]:
        """What `extend_schema` names, and the moment."""
        found: list[Any] = super().get_override_parameters()
        if self.method != "GET" or not getattr(self.view, "shows_past", False):
            return found
        words = "Shown as it was: an RFC 3339 time, or a date, which is its end in the organisation's time zone."
        return [*found, OpenApiParameter(moment.PARAMETER, str, description=words)]


class ApiView(Idempotent, views.APIView):
    """Base of single calls. `required_scopes` maps a method to the token scope it needs."""

    parser_classes = [StrictJSONParser]
    required_scopes: ClassVar[dict[str, str]] = {}


class ViewSet(Idempotent, viewsets.GenericViewSet[Any]):
    """Base of collections: cursor pages, `visible_to(user)` in get_queryset, one service per action."""

    parser_classes = [StrictJSONParser]
    required_scopes: ClassVar[dict[str, str]] = {}
    changing: ClassVar[frozenset[str]] = frozenset()  # filters over what changes, which the past cannot answer
    pagination_class = CursorPage
    filter_backends = list(api_settings.DEFAULT_FILTER_BACKENDS)  # type: ignore[arg-type]  # classes, not their names

    def page_of(self, queryset: Any, serializer: Any, *, then: Any = None) -> Response:
        """One cursor page of `queryset` through `serializer`; as at a moment, what there was of it, each row by `then`."""
        at = moment.of(self.request)
        if at is not None:
            if asked := sorted(self.changing.intersection(self.request.query_params)):
                detail = f"{', '.join(asked)} is filtered by its value of now. Leave it out, and filter what you get."
                raise errors.BadRequest(detail, code="NO_PAST")
            queryset = queryset.filter(created_at__lte=at)
        rows = self.paginate_queryset(queryset)
        if at is not None and then is not None and rows is not None:
            rows = [then(row, at) for row in rows]
        return self.get_paginated_response(serializer(rows, many=True, context=self.get_serializer_context()).data)
