"""Data as it was: terms, state and columns of a dataset at an earlier moment."""

from collections.abc import Iterable
from copy import copy
from datetime import date, datetime
from typing import Any

from apps.accounts.past import person_named
from apps.audit.models import Entry
from apps.audit.past import Told, told
from apps.catalog.models import Classification, Dataset, DatasetEvent, Field
from apps.core.moment import NOT_RECORDED, require_there

REGISTERED, TERMS, DECLARED, EVENT = (
    "catalog.dataset_registered", "catalog.terms_changed", "catalog.fields_declared", "catalog.event_recorded",
)  # fmt: skip
STATE_AFTER = {
    DatasetEvent.Kind.WITHDRAWN.value: Dataset.State.WITHDRAWN,
    DatasetEvent.Kind.TERMS_ENDED.value: Dataset.State.TERMS_ENDED,
    DatasetEvent.Kind.FAULTY.value: Dataset.State.FAULTY,
}
TRUTHS = ("is_protected", "is_masked", "is_declared")
BEFORE_ANYBODY_SPOKE = {
    "classification": Classification.UNCLASSIFIED, "is_protected": False, "privileged": "", "is_masked": False,
    "is_declared": False, "description": "",
}  # fmt: skip


def dataset_at(dataset: Dataset, at: datetime) -> Dataset:
    """The dataset as it was, from what the log tells of its registration, its terms and its events."""
    return _dataset_at(dataset, told([dataset], at, app="catalog")[dataset.subject], at)


def datasets_at(datasets: Iterable[Dataset], at: datetime) -> list[Dataset]:
    """Those of these datasets that were known by then, as they were; the log is read once."""
    known = [dataset for dataset in datasets if dataset.created_at <= at]
    logs = told(known, at, app="catalog")
    return [_dataset_at(dataset, logs[dataset.subject], at) for dataset in known]


def _dataset_at(dataset: Dataset, log: Told, at: datetime) -> Dataset:
    require_there(dataset, at, f"The dataset {dataset.name}")
    then = copy(dataset)
    if not log.since:
        return then
    registered = log.last(REGISTERED)
    if registered is None and log.first_since(REGISTERED):
        then.is_governed, then.owner, then.title = False, None, ""
        then.description = then.provenance = then.collection = ""
        _put(then, {})
    elif log.first_since(TERMS):
        _put_terms(then, log)
    if log.first_since(EVENT, TERMS):
        then.state = _state(log)
    if registered is not None and (owner := person_named(registered.facts.get("owner"))):
        then.owner = owner
    return then


def _put_terms(then: Dataset, log: Told) -> None:
    """The terms that the newest entry of then tells, else those that the first one since calls the ones before."""
    newest, following = log.last(REGISTERED, TERMS), log.first_since(TERMS)
    told_then = newest and (newest.facts if newest.verb == REGISTERED else newest.facts.get("after"))
    told_since = following and following.facts.get("before")
    said = next((said for said in (told_then, told_since) if said and "terms" in said), None)
    _put(then, said or dict.fromkeys(("terms", "lawful_basis", "retention"), NOT_RECORDED))


def _put(then: Dataset, said: dict[str, Any]) -> None:
    then.terms, then.lawful_basis = said.get("terms", ""), said.get("lawful_basis", "")
    then.retention, then.permitted_purposes = said.get("retention", ""), list(said.get("permitted_purposes", []))
    end = said.get("terms_end_on")
    then.terms_end_on = date.fromisoformat(end) if end else None


def _state(log: Told) -> str:
    """The state after everything that had happened: events end it, new terms that still run open it again."""
    state: str = Dataset.State.ACTIVE
    for entry in log.until:
        if entry.verb == EVENT:
            state = STATE_AFTER.get(str(entry.facts.get("kind")), state)
        elif entry.verb == TERMS and state == Dataset.State.TERMS_ENDED:
            end = entry.facts.get("after", {}).get("terms_end_on")
            state = Dataset.State.ACTIVE if not end or date.fromisoformat(end) >= entry.at.date() else state
    return state


def fields_at(dataset: Dataset, at: datetime | None) -> list[Field]:
    """The columns of a dataset, now or as they had been declared; where the log kept only a digest, not recorded."""
    rows = list(Field.objects.filter(dataset=dataset.pk))
    if at is None:
        return rows
    log = told([dataset], at, app="catalog")[dataset.subject]
    known = [copy(row) for row in rows if row.created_at <= at]
    if log.first_since(DECLARED, EVENT) is None:
        return known
    is_kept = not any("digest_of_what_was_said" in entry.facts for entry in log.until if entry.verb == DECLARED)
    for row in known:
        for name, value in (BEFORE_ANYBODY_SPOKE if is_kept else {"description": NOT_RECORDED}).items():
            setattr(row, name, value)
        for entry in log.until if is_kept else ():
            _declare(row, entry)
    return known


def _declare(row: Field, entry: Entry) -> None:
    """Do again what an entry says was done to a column."""
    if entry.verb == EVENT and row.path in entry.facts.get("fields", []) and entry.facts.get("classification"):
        row.classification, row.is_declared = entry.facts["classification"], True
    if entry.verb != DECLARED:
        return
    for name, (_before, after) in entry.facts.get("fields", {}).get(row.path, {}).items():
        setattr(row, name, bool(after) if name in TRUTHS else after)
