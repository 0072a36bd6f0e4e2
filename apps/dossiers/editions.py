"""What an edition for outside readers leaves out: names of staff, people's own words, and the records that hold them.

Nothing is left out silently. Each record that does not travel is named by its digest, which the log binds; an object whose
entries cannot be shown is named with the place and digest of every one of them, so that whoever holds the whole bundle can show
that they are the same. Small groups are withheld in every edition: `suppression`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from apps.accounts.models import Role, User
from apps.accounts.queries import roles_of
from apps.audit import canonical
from apps.audit.export import bound_rows
from apps.dossiers import suppression, wording
from apps.evidence.models import Evidence, Source
from apps.workflow.models import Signature

if TYPE_CHECKING:
    from apps.dossiers.record import VersionRecord

Content = dict[str, Any]
SMALL, NAMES, TEXTS = "small groups", "names of staff", "people's own words"
WITHHELD = "withheld"
# Columns of records in which people write in their own words.
OWN_WORDS = frozenset({"text", "reason", "reason_note", "note", "decision_reason"})
STATED = frozenset({Source.SUBMITTED, Source.ATTESTED})
SHORTEST_NAME = 3
SHORTEST_TEXT = 12
LONG_STATEMENT = 24
MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
NEVER = re.compile(r"(?!)")


def left_out(record: "VersionRecord") -> Content:
    """Records and objects that do not travel with this edition, each with its digest and the reason."""
    names = NEVER if record.dossier.has_names else names_of_staff()
    rows = bound_rows(record.log.entries)
    reasons = {row.digest: why_not(row, record, names) for row in rows}
    # A signature is shown with its record and with what the signer was shown, or not at all.
    signed = {
        row.digest: reasons[row.digest] or snapshot_why_not(row, names) for row in rows if isinstance(row, Signature)
    }
    hidden: dict[str, str] = {}
    for leaf in record.log.leaves:
        why = entry_why_not(leaf.entry, record, names) or signed.get(leaf.entry.row_digest, "")
        if why:
            hidden.setdefault(leaf.subject, why)
    entries: dict[str, list[Content]] = {subject: [] for subject in hidden}
    for leaf in record.log.leaves:
        if leaf.subject in hidden:
            entries[leaf.subject].append({"seq": leaf.seq, "digest": leaf.entry.digest})
    return {
        "records": [{"digest": digest, "why": why} for digest, why in sorted(reasons.items()) if why],
        "objects": [{"subject": name, "why": hidden[name], "entries": entries[name]} for name in sorted(hidden)],
    }


def why_not(row: Any, record: "VersionRecord", names: re.Pattern[str]) -> str:
    """Why a record does not travel; empty when it does."""
    if isinstance(row, Evidence) and any(suppression.suppress(table).is_changed for table in row.tables):
        return SMALL
    if not record.dossier.is_redacted:
        return ""
    if hides_names(row, names):
        return NAMES
    if record.dossier.has_texts:
        return ""
    is_stated = isinstance(row, Evidence) and row.source in STATED
    return TEXTS if is_stated or has_own_words(row.content()) else ""


def entry_why_not(entry: Any, record: "VersionRecord", names: re.Pattern[str]) -> str:
    """Why an entry, and with it its object, cannot be shown."""
    if not record.dossier.has_texts and entry.reason:
        return TEXTS
    return NAMES if names.search(bytes(entry.body).decode()) else ""


def snapshot_why_not(row: Signature, names: re.Pattern[str]) -> str:
    """Why what a signer was shown cannot travel."""
    return NAMES if names is not NEVER and hides_names(row.snapshot, names) else ""


def hides_names(row: Any, names: re.Pattern[str]) -> bool:
    """Whether the stored bytes of a record name somebody."""
    return names is not NEVER and bool(names.search(canonical.encode(row.content()).decode()))


def has_own_words(value: Any) -> bool:
    """Whether somewhere in a record a column for people's own words is filled."""
    if isinstance(value, Mapping):
        return any(
            (key in OWN_WORDS and isinstance(part, str) and part) or has_own_words(part) for key, part in value.items()
        )
    return any(map(has_own_words, value)) if isinstance(value, list | tuple) else False


def names_of_staff() -> re.Pattern[str]:
    """Every printed name and mail address that the product knows. A name that only says a role reveals nobody."""
    roles = {str(label).casefold() for label in Role.labels}
    people = User.objects.filter(kind=User.Kind.PERSON).values_list("printed_name", "email")
    found = {text for pair in people for text in pair if len(text) >= SHORTEST_NAME and text.casefold() not in roles}
    choices = "|".join(re.escape(text) for text in sorted(found, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{choices})(?!\w)") if found else NEVER


def redacted(document: Content, record: "VersionRecord") -> Content:
    """The content as this edition prints it; a full edition stays as it is."""
    dossier = record.dossier
    if not dossier.has_texts:
        document = without_texts(document)
    if not dossier.has_names:
        document = without_names(document, record)
    return document


def without_names(document: Content, record: "VersionRecord") -> Content:
    """Roles in place of names, everywhere; the same person is always the same number."""
    names = names_of_staff()
    said = list(dict.fromkeys(name for text in strings(document) for name in names.findall(text)))
    people = {user.printed_name: user for user in User.objects.filter(printed_name__in=said)}
    aliases: dict[str, str] = {}
    for place, name in enumerate(said, start=1):
        roles = sorted(roles_of(people[name], record.version.use_case)) if name in people else []
        aliases[name] = f"{Role(roles[0]).label} (person {place})" if roles else f"person {place}"

    def rename(text: str) -> str:
        return MAIL.sub(f"[{WITHHELD}]", names.sub(lambda found: aliases[found[0]], text))

    document["left_out"]["people"] = len(aliases)
    renamed: Content = mapped(document, rename)
    return renamed


def without_texts(document: Content) -> Content:
    """Everything that people wrote in their own words taken out, wherever it is repeated."""
    taken: set[str] = set()
    for holder, key in own_words(document):
        text = holder[key]
        if text:
            taken.add(text)
            holder[key] = WITHHELD
    document["left_out"]["texts"] = len(taken)
    long = sorted((text for text in taken if len(text) >= SHORTEST_TEXT), key=len, reverse=True)
    if not long:
        return document
    repeated = re.compile("|".join(map(re.escape, long)))
    swept: Content = mapped(document, lambda text: text if text == WITHHELD else repeated.sub(f"[{WITHHELD}]", text))
    return swept


def own_words(document: Content) -> Iterator[tuple[Any, Any]]:
    """Each place that holds somebody's own words: the object and the key in it."""
    sections = {section["id"]: section for part in document["parts"] for section in part["sections"]}
    identity, data, changes, governance = (sections[name]["own"] for name in ("D0", "D2b", "D6", "A4"))
    yield from ((row, "text") for row in identity["identity"] if row["label"] == "Note to this version")
    yield identity["tier"], "reason"
    yield changes, "note"
    yield from ((row, "reason") for row in data["events"])
    yield from ((said, "text") for thread in governance["threads"] for said in thread["said"])
    yield from ((row, "text") for name in ("dissents", "conditions") for row in governance[name])
    for name, keys in (
        ("findings", ("title", "text")),
        ("waivers", ("reason", "control", "why_decided")),
        ("signatures", ("reason",)),
    ):
        yield from ((row, key) for row in governance[name] for key in keys)
    yield from ((row, "title") for row in sections["D3"]["own"]["open_findings"])
    yield from ((row, "reason") for table in sections["A5"]["own"]["trail"]["tables"] for row in table)
    for section in sections.values():
        yield from ((text, "body") for text in section["documents"])
        yield from own_words_of(section["items"])


def own_words_of(items: Iterable[Content]) -> Iterator[tuple[Any, Any]]:
    """The same in evidence that a person stated: its summary, and each longer statement."""
    for item in items:
        if item["source"].split(":")[0] in STATED:
            yield item, "summary"
            for part in item["statements"]:
                yield from ((row, 1) for row in part["rows"] if len(row[1]) > LONG_STATEMENT)


def strings(value: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from strings(part)


def mapped(value: Any, change: Callable[[str], str]) -> Any:
    """The same JSON value with every text changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: mapped(part, change) for key, part in value.items()}
    return [mapped(part, change) for part in value] if isinstance(value, list | tuple) else value


def edition_scope(document: Content) -> list[str]:
    """The objects whose whole history travels with this edition."""
    hidden = {row["subject"] for row in document["left_out"]["objects"]}
    return [subject for subject in document["scope"] if subject not in hidden]


def sentence(left: Content) -> str:
    """What is left out, counted; empty when nothing is."""
    if not any(left.values()):
        return ""
    parts = [wording.count(len(left["records"]), "record")]
    if left["objects"]:
        entries = sum(len(row["entries"]) for row in left["objects"])
        parts.append(
            f"{wording.count(len(left['objects']), 'object')} with {wording.count(entries, 'entry', 'entries')} of the log"
        )
    if left.get("people"):
        parts.append(f"the names of {wording.count(left['people'], 'person', 'people')}")
    if left.get("texts"):
        parts.append(wording.count(left["texts"], "text"))
    return f"Left out: {wording.listing(parts)}; each record and entry is named by its digest in section A5.5."
