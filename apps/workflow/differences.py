"""What differs between two contents, in sentences: for a signer who read an older page, and for an approval that aged.

Pure: contents are plain JSON values. Nothing that an approval relied on may have gone; what came on top of it does not
end it, save an open finding of high severity.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from apps.workflow.processes import APPROVE_AGAIN

Content = Mapping[str, Any]
HOLDS = frozenset({"satisfied", "waived", "not_applicable", "not_yet_effective"})
GRAVE = frozenset({"critical", "high"})

#: Part of the content -> (its name for people, the key that identifies an item in it).
LISTS = {
    "evidence": ("Evidence", "id"),
    "requirements": ("Requirement", "id"),
    "waivers": ("Waiver", "id"),
    "findings": ("Finding", "id"),
    "comments": ("Comment", "id"),
    "signatures": ("Signature", "id"),
    "data": ("Dataset", "id"),
}
SINGLES = {
    "artifact": "Artifact",
    "tier": "Tier",
    "environment": "Environment",
    "process": "Process",
    "policy": "Policy",
    "round": "Round",
}


@dataclass(frozen=True)
class Change:
    """One difference: which part, before and after in words, and the sentence that a person reads."""

    part: str
    code: str
    before: str
    after: str
    sentence: str

    def as_json(self) -> dict[str, str]:
        """For problem+json, stored decisions and pages."""
        return {
            "part": self.part,
            "code": self.code,
            "before": self.before,
            "after": self.after,
            "sentence": self.sentence,
        }


def what_changed(old: Content, new: Content) -> list[Change]:
    """Every difference between what was shown and what is so now, part by part."""
    changes = []
    for part, title in SINGLES.items():
        before, after = _name(old.get(part)), _name(new.get(part))
        if old.get(part) != new.get(part):
            changes.append(Change(part, f"{part.upper()}_CHANGED", before, after, f"{title}: {before} became {after}."))
    for part, (title, key) in LISTS.items():
        changes += _list_changes(part, title, _by(old.get(part), key), _by(new.get(part), key))
    return changes


def _list_changes(part: str, title: str, old: dict[str, Content], new: dict[str, Content]) -> list[Change]:
    code = part.upper()
    changes = []
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if before == after:
            continue
        if before is None and after is not None:
            words = (f"{code}_ADDED", "not there", _state(after), f"{title} {_name(after)} was added.")
        elif after is None and before is not None:
            words = (f"{code}_GONE", _state(before), "not there", f"{title} {_name(before)} is no longer there.")
        else:
            left, right = _state(before or {}), _state(after or {})
            told = f"from {left} to {right}" if left != right else "in its content"
            words = (f"{code}_CHANGED", left, right, f"{title} {_name(after)} changed {told}.")
        changes.append(Change(part, *words))
    return changes


def since_approval(frozen: Content, present: Content) -> list[Change]:
    """Why an approval no longer stands: what it relied on and is no longer so. Empty while it stands."""
    changes = _singles_since(frozen, present)
    changes += _evidence_since(frozen, present)
    changes += _data_since(frozen, present)
    changes += _waivers_since(frozen, present)
    known = {item["id"] for item in frozen.get("findings", ())}
    for item in present.get("findings", ()):
        if item["id"] not in known and item["severity"] in GRAVE:
            sentence = f"Finding {_name(item)} of {item['severity']} severity was raised after the approval."
            changes.append(Change("findings", "FINDING_RAISED", "not there", _state(item), sentence))
    return changes


def _singles_since(frozen: Content, present: Content) -> list[Change]:
    changes = []
    if frozen["artifact"] != present["artifact"]:
        sentence = "The artifact is not the one that was approved."
        changes.append(
            Change("artifact", "ARTIFACT_CHANGED", _name(frozen["artifact"]), _name(present["artifact"]), sentence)
        )
    if frozen["tier"] != present["tier"]:
        before, after = str(frozen["tier"]), str(present["tier"] or "none")
        sentence = f"The tier of the use case was {before} at approval and is {after} now."
        changes.append(Change("tier", "TIER_CHANGED", before, after, sentence))
    elif lacking := _steps_lacking(frozen["process"], present["process"]):
        sentence = f"{_name(present['process'])} asks for {', '.join(lacking)}, which this approval does not have."
        changes.append(
            Change("process", "PROCESS_CHANGED", _name(frozen["process"]), _name(present["process"]), sentence)
        )
    if frozen["policy"]["digest"] != present["policy"]["digest"] and frozen["on_policy_change"] == APPROVE_AGAIN:
        before, after = _name(frozen["policy"]), _name(present["policy"])
        sentence = f"The policy {before} was replaced by {after}, and this tier asks for a new approval then."
        changes.append(Change("policy", "POLICY_CHANGED", before, after, sentence))
    return changes


def _steps_lacking(frozen: Content, present: Content) -> list[str]:
    """Signatures that the process in force always asks for and the approval's process did not."""
    had = {(step["role"], step["kind"]): step["quorum"] for step in frozen.get("steps", ())}
    asked = [step for step in present.get("steps", ()) if step["always"]]
    return [step["title"] for step in asked if had.get((step["role"], step["kind"]), 0) < step["quorum"]]


def _evidence_since(frozen: Content, present: Content) -> list[Change]:
    now = {item["digest"] for item in present.get("evidence", ())}
    fates = present.get("evidence_fates", {})
    changes = []
    for item in frozen.get("evidence", ()):
        if item["digest"] not in now:
            fate = fates.get(item["id"], "replaced by a newer item")
            sentence = f"Evidence {_name(item)} was {fate} after the approval."
            changes.append(Change("evidence", "EVIDENCE_CHANGED", item["digest"], fate, sentence))
    return changes


def _data_since(frozen: Content, present: Content) -> list[Change]:
    now = _by(present.get("data"), "id")
    changes = []
    for item in frozen.get("data", ()):
        current = now.get(item["id"])
        if current is None:
            sentence = f"Dataset {_name(item)} is no longer in the lineage of this version."
            changes.append(Change("data", "DATA_GONE", _name(item), "not there", sentence))
        elif current["facts"] != item["facts"]:
            for name, before, after in _fact_changes(item["facts"], current["facts"]):
                sentence = f"Dataset {_name(item)}: {name} was {before} at approval and is {after} now."
                changes.append(Change("data", "DATA_CHANGED", before, after, sentence))
    known = {item["id"] for item in frozen.get("data", ())}
    for item in present.get("data", ()):
        if item["id"] not in known:
            sentence = f"Dataset {_name(item)} was found upstream of this version after the approval."
            changes.append(Change("data", "DATA_ADDED", "not there", _name(item), sentence))
    return changes


def _fact_changes(old: Content, new: Content) -> list[tuple[str, str, str]]:
    """The facts of a dataset that differ, column by column."""
    found = []
    for name in sorted((old.keys() | new.keys()) - {"columns"}):
        if old.get(name) != new.get(name):
            found.append((name.replace("_", " "), _word(old.get(name)), _word(new.get(name))))
    before, after = old.get("columns", {}), new.get("columns", {})
    for column in sorted(before.keys() | after.keys()):
        if before.get(column) != after.get(column):
            found.append((f"column {column}", _word(before.get(column)), _word(after.get(column))))
    return found


def _waivers_since(frozen: Content, present: Content) -> list[Change]:
    """A waiver that the approval relied on and that nothing stands in for any more."""
    covered = {item["requirement"] for item in present.get("waivers", ())}
    changes = []
    for item in frozen.get("waivers", ()):
        if item["requirement"] not in covered and item["requirement"] not in present.get("now_met", ()):
            sentence = f"The waiver for {item['requirement']} ended, and the approval relied on it."
            changes.append(Change("waivers", "WAIVER_ENDED", item["ends_on"], "ended", sentence))
    return changes


def policy_effect(frozen: Iterable[Content], present: Iterable[Content]) -> list[Change]:
    """Requirements that held at approval and do not under the policy now in force; empty when all still hold."""
    before = {item["id"]: item for item in frozen}
    changes = []
    for item in present:
        held = item["id"] not in before or before[item["id"]]["outcome"] in HOLDS
        if held and item["is_blocking"] and item["outcome"] not in HOLDS:
            was = before[item["id"]]["outcome"] if item["id"] in before else "not asked"
            sentence = (
                f"Under the policy now in force, {_name(item)} is not met; at approval it was {was.replace('_', ' ')}."
            )
            changes.append(Change("policy", "POLICY_CHANGED", was, item["outcome"], sentence))
    return changes


def _by(items: Iterable[Content] | None, key: str) -> dict[str, Content]:
    return {str(item[key]): item for item in items or ()}


def _name(value: Any) -> str:
    """What people call a thing: its name, title or reference, or the value itself."""
    if isinstance(value, Mapping):
        return str(
            value.get("name") or value.get("title") or value.get("reference") or value.get("id") or value.get("digest")
        )
    return _word(value)


def _state(item: Content) -> str:
    """The word for where a thing stands."""
    found = item.get("outcome") or item.get("state") or item.get("ends_on") or item.get("digest") or "there"
    return str(found).replace("_", " ")


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "none"
    return "none" if value in (None, "") else str(value)
