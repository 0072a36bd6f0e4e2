"""How entries about lineage read, and how deliveries and the graph are called."""

from __future__ import annotations

from collections.abc import Mapping

from apps.accounts.queries import uuids_among
from apps.audit.verbs import Name, names, register
from apps.lineage.models import Delivery

register(
    {
        "lineage.received": "received",
        "lineage.projected": "found new origins of",
        "lineage.run_seen": "saw the training run of",
        "lineage.declared": "declared an origin of",
        "lineage.names_tied": "tied another name to",
        "lineage.names_untied": "untied another name from",
        "lineage.replayed": "projected again",
        "lineage.rebuilt": "rebuilt",
    }
)


@names("delivery")
def delivery_names(keys: set[str]) -> Mapping[str, Name]:
    """Deliveries by how many events they brought."""
    found = Delivery.objects.filter(pk__in=uuids_among(keys)).only("pk", "events")
    return {
        str(row.pk): Name("one lineage event" if len(row.events) == 1 else f"{len(row.events)} lineage events")
        for row in found
    }


@names("lineage")
def graph_names(keys: set[str]) -> Mapping[str, Name]:
    """The parts of lineage that are no rows."""
    words = {"graph": Name("the lineage graph", "/lineage/"), "quarantine": Name("the events set aside", "/lineage/")}
    return {key: words[key] for key in keys & words.keys()}
