"""Words for the log's entries. The log knows nobody: apps tell it how verbs read and what subjects are called.

An app with a module `verbs` registers there, for example:

    register({"workflow.signed_off": "signed off"})

    @names("model_version")
    def version_names(keys): return {key: Name("Retail credit scoring 12", "/models/…") for key in keys}
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

Resolver = Callable[[set[str]], Mapping[str, "Name"]]

_verbs: dict[str, str] = {}
_resolvers: dict[str, Resolver] = {}


@dataclass(frozen=True)
class Name:
    """What people call something, and where its page is (empty when it has none)."""

    label: str
    url: str = ""


def register(words: Mapping[str, str]) -> None:
    """Add how verbs read between an actor and a subject: {"workflow.signed_off": "signed off"}."""
    _verbs.update(words)


def names(*kinds: str) -> Callable[[Resolver], Resolver]:
    """Declare a function that names the keys of these kinds of subject in one query."""

    def declare(resolver: Resolver) -> Resolver:
        _resolvers.update(dict.fromkeys(kinds, resolver))
        return resolver

    return declare


def phrase(verb: str) -> str:
    """How a verb reads; its own words when nobody registered it."""
    return _verbs.get(verb) or verb.partition(".")[2].replace("_", " ")


def name_all(refs: Iterable[str]) -> dict[str, Name]:
    """The name of each "kind:key", asking each kind's app once; kind and key where the app does not know it."""
    by_kind: dict[str, set[str]] = {}
    found: dict[str, Name] = {}
    for ref in set(refs):
        kind, _, key = ref.partition(":")
        by_kind.setdefault(kind, set()).add(key)
        found[ref] = Name(_plain(kind, key))
    for kind, keys in by_kind.items():
        if kind in _resolvers:
            found.update({f"{kind}:{key}": name for key, name in _resolvers[kind](keys).items()})
    return found


def is_named(ref: str) -> bool:
    """Whether an app gives names to subjects of this kind."""
    return ref.partition(":")[0] in _resolvers


def _plain(kind: str, key: str) -> str:
    words = kind.replace("_", " ")
    if kind == "system":
        return key.replace("_", " ").capitalize()
    if key == "self":
        return f"the {words}"
    return f"{words} {key[-8:] if len(key) == 36 and key.count('-') == 4 else key}"


register(
    {
        "audit.anchor_failed": "could not give a signed head outside of",
        "audit.anchor_resumed": "gives signed heads outside again of",
        "audit.backed_up": "took a backup of",
        "audit.clock_anomaly": "found a clock that is wrong beside",
        "audit.exported": "exported entries of",
        "audit.key_added": "added a signing key to",
        "audit.key_revoked": "ended the trust in a key of",
        "audit.key_rotated": "gave a new signing key to",
        "audit.migrated": "changed the tables under",
        "audit.restored": "accepted the loss of entries to a restore in",
        "audit.settings_changed": "runs with other settings over",
        "audit.verified": "verified every row of",
        "audit.verification_failed": "found a difference in",
    }
)
