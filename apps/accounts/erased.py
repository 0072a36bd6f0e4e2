"""Who was erased, kept in a file outside the database: a backup from before does not know it, and would bring the names back.

One line for each account, with its id and the entry that told of it, beside the log's key (`log.erased.jsonl`). No name stands in it.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings

from apps.accounts.models import User
from apps.audit.models import Entry
from apps.core.files import write_whole

ERASED = "accounts.person_erased"


def place() -> Path:
    """Where the list lies."""
    return Path(settings.SIGNING_KEY_FILE).with_suffix(".erased.jsonl")


def listed() -> dict[str, dict[str, str]]:
    """Account -> when it was erased and in which entry."""
    path = place()
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return {line["user"]: line for line in lines}


def keep(entries: Iterable[Entry]) -> int:
    """Add those whom these entries tell of; answers with how many were not on the list before."""
    found = listed()
    before = len(found)
    for entry in entries:
        if entry.verb == ERASED:
            user = entry.subject.removeprefix("user:")
            found.setdefault(user, {"user": user, "at": entry.at.isoformat(), "entry": entry.digest})
    if len(found) > before:
        path = place()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        content = "".join(json.dumps(line, sort_keys=True) + "\n" for line in found.values())
        write_whole(path, content.encode(), mode=0o600)
    return len(found) - before


def come_back() -> list[User]:
    """People whom the log or the list says were erased, and whom the database knows again."""
    told = Entry.objects.filter(verb=ERASED).values_list("subject", flat=True)
    keys = {subject.removeprefix("user:") for subject in told} | set(listed())
    found = User.objects.filter(pk__in=keys).select_related("personal_key").order_by("pk")
    return [user for user in found if user.erased_at is None or hasattr(user, "personal_key")]
