"""Shapes of the log's calls."""

import base64
from typing import Any

from rest_framework import serializers

from apps.audit.models import Anchor, Leaf
from apps.audit.queries import Inclusion
from apps.core.rest import StrictSerializer

LARGEST = 2**63 - 1


class EntryFilter(StrictSerializer):
    """Narrows the list of entries."""

    subject = serializers.CharField(required=False, max_length=200, help_text="Exactly this subject, kind:key")
    actor = serializers.CharField(required=False, max_length=80, help_text="Exactly this actor, for example user:<id>")
    verb = serializers.CharField(required=False, max_length=80, help_text="Exactly this verb, app.past_tense")
    cursor = serializers.CharField(required=False, max_length=200)
    limit = serializers.IntegerField(required=False, min_value=1, max_value=200)


class InclusionQuery(StrictSerializer):
    """Which proof of inclusion."""

    seq = serializers.IntegerField(min_value=0, max_value=LARGEST)
    size = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST)


class ConsistencyQuery(StrictSerializer):
    """Which proof of consistency. `from` is a reserved word in Python, so it is added to the fields by name."""

    to = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST)

    def get_fields(self) -> dict[str, Any]:
        """`from` and `to`."""
        return {"from": serializers.IntegerField(min_value=1, max_value=LARGEST), **super().get_fields()}


class BoundRow(serializers.Serializer[Any]):
    """The record whose digest the entry holds."""

    id = serializers.CharField(help_text="app.model:id")
    digest = serializers.CharField()


class EntryReply(serializers.Serializer[Leaf]):
    """One entry and its place. `body` is the exact text that is hashed; the other fields are read from it."""

    seq = serializers.IntegerField(help_text="Number in the log, dense from 0")
    n = serializers.IntegerField(help_text="Number among the entries of its subject, dense from 0")
    id = serializers.UUIDField(source="entry.id")
    at = serializers.DateTimeField(source="entry.at")
    actor = serializers.CharField(source="entry.actor")
    verb = serializers.CharField(source="entry.verb")
    subject = serializers.CharField()
    reason = serializers.CharField(source="entry.reason")
    data = serializers.DictField(source="entry.facts", help_text="JSON without numbers")
    changes = serializers.ListField(source="entry.changes", child=serializers.CharField())
    row = serializers.SerializerMethodField()
    digest = serializers.CharField(source="entry.digest", help_text="SHA-256 of body")
    body = serializers.SerializerMethodField(help_text="The RFC 8785 bytes of the entry")
    leaf = serializers.SerializerMethodField(
        help_text="The RFC 8785 bytes of its place, whose leaf hash is in the tree"
    )
    leaf_hash = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()

    def get_row(self, leaf: Leaf) -> dict[str, str] | None:
        """The bound record."""
        entry = leaf.entry
        return {"id": entry.row, "digest": entry.row_digest} if entry.row else None

    def get_body(self, leaf: Leaf) -> str:
        """The entry as text."""
        return bytes(leaf.entry.body).decode("utf-8", "replace")

    def get_leaf(self, leaf: Leaf) -> str:
        """The leaf as text."""
        return bytes(leaf.body).decode("utf-8", "replace")

    def get_leaf_hash(self, leaf: Leaf) -> str:
        """Hexadecimal digits."""
        return bytes(leaf.hash).hex()

    def get_url(self, leaf: Leaf) -> str:
        """Its page."""
        return f"/audit/{leaf.seq}/"


class TailReply(serializers.Serializer[Any]):
    """What no head that somebody else holds covers: only the operator vouches for it."""

    entries = serializers.IntegerField()
    oldest_at = serializers.DateTimeField(allow_null=True)
    anchored_size = serializers.IntegerField(
        help_text="Size of the newest head that was given outside; 0 before the first"
    )
    anchored_at = serializers.DateTimeField(allow_null=True)
    kinds = serializers.ListField(child=serializers.ChoiceField(choices=Anchor.Kind.choices))
    sentence = serializers.CharField()


class AnchorReply(serializers.Serializer[Anchor]):
    """A signed head that was given outside. `url` has the stamp, message, commit or name that came back."""

    id = serializers.IntegerField()
    size = serializers.IntegerField(source="checkpoint_id")
    kind = serializers.CharField()
    note = serializers.CharField(source="checkpoint.note", help_text="The signed head: exactly what was given outside")
    stamped_at = serializers.DateTimeField(help_text="By the authority's clock; null where nobody states a time")
    at = serializers.DateTimeField(help_text="By the server's clock")
    url = serializers.SerializerMethodField()

    def get_url(self, anchor: Anchor) -> str:
        """Where what came back is read."""
        return f"/api/v1/audit/anchors/{anchor.pk}"


class CheckpointReply(serializers.Serializer[Any]):
    """The newest signed head. `note` is the C2SP signed note; the other fields are read from it."""

    origin = serializers.CharField()
    size = serializers.IntegerField()
    root = serializers.CharField(help_text="Base64, as in the note")
    note = serializers.CharField()
    vkeys = serializers.ListField(child=serializers.CharField(), help_text="Public keys of this log, oldest first")
    signed_at = serializers.DateTimeField(help_text="By the server's clock; not part of what is signed")
    unanchored = TailReply()


class InclusionReply(serializers.Serializer[Inclusion]):
    """An inclusion proof (RFC 9162 2.1.3): hashes in base64, from the leaf upwards."""

    seq = serializers.IntegerField(source="leaf.seq")
    size = serializers.IntegerField()
    leaf_hash = serializers.SerializerMethodField()
    hashes = serializers.SerializerMethodField()
    root = serializers.SerializerMethodField()
    checkpoint = serializers.SerializerMethodField(help_text="The signed note of this size, or null")

    def get_leaf_hash(self, found: Inclusion) -> str:
        """Base64."""
        return base64.b64encode(bytes(found.leaf.hash)).decode()

    def get_hashes(self, found: Inclusion) -> list[str]:
        """Base64, from the leaf upwards."""
        return [base64.b64encode(part).decode() for part in found.hashes]

    def get_root(self, found: Inclusion) -> str:
        """Base64."""
        return base64.b64encode(found.root).decode()

    def get_checkpoint(self, found: Inclusion) -> str | None:
        """The signed note."""
        return found.checkpoint.note if found.checkpoint else None


class ConsistencyReply(serializers.Serializer[Any]):
    """A consistency proof (RFC 9162 2.1.4): hashes and both roots in base64."""

    to = serializers.IntegerField()
    hashes = serializers.ListField(child=serializers.CharField())
    root_from = serializers.CharField()
    root_to = serializers.CharField()

    def get_fields(self) -> dict[str, Any]:
        """`from` and the rest."""
        return {"from": serializers.IntegerField(), **super().get_fields()}
