"""The JSON door of the log: entries, the signed head, proofs. The head and the proofs also come as plain text (C2SP)."""

import base64
import gzip
import json
from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit import queries, services
from apps.audit.api import examples
from apps.audit.api import serializers as shapes
from apps.audit.models import Anchor
from apps.core import moment
from apps.core.errors import NotFound
from apps.core.rest import ApiView, CursorPage, Problem, ViewSet

SCOPES = {"GET": "audit:read"}
TEXT = "text/plain; charset=utf-8"
FOR_EVER = "private, max-age=31536000, immutable"
REFUSED: dict[Any, Any] = {(status, "application/problem+json"): Problem for status in (401, 403, 404, 422)}


class NoteRenderer(BaseRenderer):
    """Plain text as C2SP writes it; a refusal stays JSON."""

    media_type = "text/plain"
    format = "txt"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> bytes:
        """The text, or the problem."""
        return (data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)).encode()


class LogOrder(CursorPage):
    """Entries, newest first."""

    ordering = "-seq"


def read_query(shape: Any, request: Request) -> dict[str, Any]:
    """The checked parameters of a call."""
    form = shape(data=request.query_params.dict())
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


def as_text(request: Request) -> bool:
    """Whether the caller gets plain text."""
    return isinstance(getattr(request, "accepted_renderer", None), NoteRenderer)


def plain(answer: Any, example: Any, shape: Any) -> dict[str, Any]:
    """What `extend_schema` needs for a call that answers in JSON and in plain text."""
    return {
        "responses": {(200, "application/json"): shape, (200, "text/plain"): OpenApiTypes.STR, **REFUSED},
        "examples": [
            OpenApiExample("Reply", value=example, response_only=True, media_type="application/json"),
            OpenApiExample("Text", value=answer, response_only=True, media_type="text/plain"),
        ],
    }


@moment.shows_past
class Entries(ViewSet):
    """Entries of the log that the caller may read."""

    required_scopes: ClassVar[dict[str, str]] = SCOPES
    serializer_class = shapes.EntryReply
    pagination_class = LogOrder

    def get_queryset(self) -> Any:
        """Those with a place, newest first; with `as_at` those that had been made by then."""
        found, at = queries.leaves(self.request.user), moment.of(self.request)
        return found if at is None else found.filter(entry__at__lte=at)

    @extend_schema(
        summary="Entries of the log",
        description="Newest first. Entries get their place within about a second of their commit.",
        parameters=[shapes.EntryFilter],
        responses={200: shapes.EntryReply(many=True), **REFUSED},
        examples=[OpenApiExample("Reply", value=examples.ENTRY, response_only=True)],
    )
    def list(self, request: Request) -> Response:
        """Entries by subject, actor and verb."""
        wanted = read_query(shapes.EntryFilter, request)
        wanted = {name: wanted[name] for name in ("subject", "actor", "verb") if name in wanted}
        return self.page_of(queries.matching(self.get_queryset(), **wanted), shapes.EntryReply)

    @extend_schema(
        summary="One entry of the log",
        parameters=[OpenApiParameter("seq", OpenApiTypes.INT64, OpenApiParameter.PATH)],
        responses={200: shapes.EntryReply, **REFUSED},
        examples=[OpenApiExample("Reply", value=examples.ENTRY, response_only=True)],
    )
    def retrieve(self, request: Request, seq: int) -> Response:
        """The entry with this number."""
        if seq > shapes.LARGEST:
            raise NotFound("The log has no entry with this number.")
        return Response(shapes.EntryReply(queries.visible_leaf(request.user, seq)).data)


class EntryProof(ApiView):
    """The proof of one entry as a file."""

    required_scopes: ClassVar[dict[str, str]] = SCOPES

    @extend_schema(
        summary="Proof file of one entry",
        parameters=[OpenApiParameter("seq", OpenApiTypes.INT64, OpenApiParameter.PATH)],
        responses={(200, "text/plain"): OpenApiTypes.STR, **REFUSED},
        examples=[OpenApiExample("File", value=examples.PROOF, response_only=True, media_type="text/plain")],
    )
    def get(self, request: Request, seq: int) -> HttpResponse:
        """C2SP tlog-proof at the newest signed head; its `extra` line is the leaf, in base64."""
        queries.visible_leaf(request.user, min(seq, shapes.LARGEST))
        headers = {"Content-Disposition": f'attachment; filename="{seq}.tlog-proof"'}
        return HttpResponse(services.leaf_proof(seq), content_type=TEXT, headers=headers)


class TileFile(ApiView):
    """The log as C2SP tlog-tiles: hashes of the tree, and leaves (which name entries by their digest only)."""

    required_scopes: ClassVar[dict[str, str]] = SCOPES

    @extend_schema(
        summary="Tile of the log",
        description=(
            "C2SP tlog-tiles with the prefix `/api/v1/audit`. `name` is `<L>/<N>` or `<L>/<N>.p/<W>`: level, place and, for"
            " a partial tile, width; with `entries` for the level a bundle of leaves. Tiles never change."
        ),
        parameters=[OpenApiParameter("name", OpenApiTypes.STR, OpenApiParameter.PATH)],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY, **REFUSED},
    )
    def get(self, request: Request, name: str) -> HttpResponse:
        """The hashes, 32 bytes each, or the leaves, each after its length in two bytes."""
        content, headers = queries.tile(name), {"Cache-Control": FOR_EVER, "Vary": "Accept-Encoding, Authorization"}
        if name.startswith("entries/") and "gzip" in request.headers.get("Accept-Encoding", ""):
            content, headers["Content-Encoding"] = gzip.compress(content, mtime=0), "gzip"
        return HttpResponse(content, content_type="application/octet-stream", headers=headers)


class Head(ApiView):
    """The newest signed head."""

    required_scopes: ClassVar[dict[str, str]] = SCOPES
    renderer_classes = (NoteRenderer, JSONRenderer)

    @extend_schema(
        summary="Signed head of the log", **plain(examples.NOTE, examples.CHECKPOINT, shapes.CheckpointReply)
    )
    def get(self, request: Request) -> Response:
        """A C2SP signed note as text/plain (also for `*/*`), or JSON when that is asked for."""
        newest = queries.latest_checkpoint()
        if newest is None:
            raise NotFound("The log has no signed head yet. It gets one within seconds of its first entry.")
        if as_text(request):
            return Response(newest.note, headers={"Cache-Control": "no-cache"})
        root = base64.b64encode(bytes(newest.root)).decode()
        head = {"origin": queries.origin(), "size": newest.size, "root": root, "note": newest.note}
        keys = [str(key) for key in queries.public_keys()]
        more = {"vkeys": keys, "signed_at": newest.signed_at, "unanchored": queries.unanchored_tail()}
        return Response(shapes.CheckpointReply({**head, **more}).data)


class AnchorOrder(CursorPage):
    """Anchors, newest first."""

    ordering = "-id"


class Anchors(ViewSet):
    """Signed heads that were given outside."""

    required_scopes: ClassVar[dict[str, str]] = SCOPES
    serializer_class = shapes.AnchorReply
    pagination_class = AnchorOrder

    def get_queryset(self) -> Any:
        """All of them: they hold sizes and hashes only."""
        return queries.anchors()

    @extend_schema(
        summary="Signed heads that were given outside",
        description="By a time-stamping authority, by mail, as a commit or into a store; newest first.",
        responses={200: shapes.AnchorReply(many=True), **REFUSED},
        examples=[OpenApiExample("Reply", value=examples.ANCHOR, response_only=True)],
    )
    def list(self, request: Request) -> Response:
        """Which heads, by which way, when."""
        return self.page_of(self.get_queryset(), shapes.AnchorReply)


class AnchorFile(ApiView):
    """What came back from outside."""

    required_scopes: ClassVar[dict[str, str]] = SCOPES

    @extend_schema(
        summary="What came back for one head",
        parameters=[OpenApiParameter("number", OpenApiTypes.INT64, OpenApiParameter.PATH)],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY, **REFUSED},
    )
    def get(self, request: Request, number: int) -> HttpResponse:
        """The RFC 3161 response over the head's note (`openssl ts -verify -data`), the mail, the commit, or the name."""
        found = queries.anchors().filter(pk=min(number, shapes.LARGEST)).first()
        if found is None:
            raise NotFound("There is no anchor with this number.")
        name = f"{found.checkpoint_id}.tsr" if found.kind == Anchor.Kind.TIME_STAMP else f"{found.checkpoint_id}.txt"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return HttpResponse(bytes(found.blob), content_type="application/octet-stream", headers=headers)


class InclusionProof(ApiView):
    """Proof that an entry is in the log."""

    required_scopes: ClassVar[dict[str, str]] = SCOPES
    renderer_classes = (JSONRenderer, NoteRenderer)

    @extend_schema(
        summary="Inclusion proof",
        parameters=[shapes.InclusionQuery],
        **plain(
            examples.PROOF,
            examples.INCLUSION,
            shapes.InclusionReply,
        ),
    )
    def get(self, request: Request) -> Response:
        """RFC 9162 proof of entry `seq` at `size` (default: the newest signed head); text/plain is a C2SP tlog-proof."""
        wanted = read_query(shapes.InclusionQuery, request)
        found = queries.inclusion(wanted["seq"], wanted.get("size"))
        if not as_text(request):
            return Response(shapes.InclusionReply(found).data)
        if found.checkpoint is None:
            raise NotFound(f"No head of {found.size} entries was signed. Leave out `size`, or ask for JSON.")
        return Response(str(found))


class ConsistencyProof(ApiView):
    """Proof that the log only grew."""

    required_scopes: ClassVar[dict[str, str]] = SCOPES
    renderer_classes = (JSONRenderer, NoteRenderer)

    @extend_schema(
        summary="Consistency proof",
        parameters=[shapes.ConsistencyQuery],
        **plain(examples.HASH + "\n", examples.CONSISTENCY, shapes.ConsistencyReply),
    )
    def get(self, request: Request) -> Response:
        """RFC 9162 proof that the log at `to` (default: the newest signed head) begins with the log at `from`."""
        wanted = read_query(shapes.ConsistencyQuery, request)
        newest = queries.latest_checkpoint()
        second = wanted.get("to") or (newest.size if newest else queries.tree_size())
        hashes = [base64.b64encode(part).decode() for part in queries.consistency(wanted["from"], second)]
        if as_text(request):
            return Response("".join(f"{part}\n" for part in hashes))
        roots = [base64.b64encode(queries.root_at(size)).decode() for size in (wanted["from"], second)]
        found = {"from": wanted["from"], "to": second, "hashes": hashes, "root_from": roots[0], "root_to": roots[1]}
        return Response(shapes.ConsistencyReply(found).data)
