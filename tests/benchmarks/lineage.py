"""Lineage: events taken in beside a raw COPY of the same bytes, and impact on a large graph beside a search in memory."""

import json
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from django.db import connection

from apps.catalog.models import Dataset, DatasetVersion
from apps.config import database
from apps.lineage import queries
from apps.lineage.models import Edge, Job
from apps.lineage.queries.nodes import Node
from apps.registry.models import DatasetLink, ModelVersion
from tests import factories
from tests.benchmarks import bulk, measuring, serving
from tests.benchmarks.bulk import key, multiply
from tests.benchmarks.measuring import Measurement, median, percentile
from tests.benchmarks.serving import Server

SINGLE, BATCHED = "/api/v1/lineage", "/api/v1/lineage/batch"
LAYERS, HUBS, HUB_CONSUMERS, IN_DOMAIN = 12, 60, 2000, 250
DATASET, JOB, EDGE, MODEL_VERSION, STATE, LINK = range(1, 7)
IMPACT_SECONDS, HUB_SECONDS = 0.05, 1.5


@dataclass(frozen=True)
class Size:
    """Events sent singly and in batches, edges of the graph, model versions at its end, questions of each kind."""

    single: int
    batched: int
    edges: int
    versions: int
    questions: int
    hubs: int


SIZES = {
    "full": Size(4000, 20_000, 1_000_000, 500, 200, 15),
    "quick": Size(1000, 5000, 100_000, 200, 60, 5),
    "smoke": Size(10, 20, 600, 5, 2, 1),
}


def measure(size: str) -> Iterator[Measurement]:
    """Taking in, then asking."""
    wanted = SIZES[size]
    with serving.web() as server:
        yield from intake(server, wanted)
    yield from impact(wanted)


def intake(server: Server, wanted: Size) -> Iterator[Measurement]:
    """Durable answers per second, one event to a request and five hundred."""
    pipeline = factories.service_account()
    headers = {"Authorization": f"Bearer {factories.token_for(pipeline, 'lineage:write')}"}
    copied = copy_rate([body(number) for number in range(wanted.single)])
    requests = [serving.request("POST", SINGLE, event(number), **headers) for number in range(wanted.single)]
    answered = server.load(requests, callers=8, seconds=600, once=True)
    name, target = "COPY of the same bytes", measuring.ours_at_least(200)
    yield Measurement("lineage", "single events", answered.per_second, copied, name, target, "events/s", 1)
    sizes = min(500, wanted.batched)
    starts = range(wanted.single, wanted.single + wanted.batched, sizes)
    batches = [json.dumps([event(number) for number in range(start, start + sizes)]).encode() for start in starts]
    requests = [serving.request("POST", BATCHED, batch, **headers) for batch in batches]
    copied = copy_rate([body(number) for number in range(wanted.batched)])
    answered = server.load(requests, callers=2, seconds=600, once=True)
    target = measuring.ours_at_least(2000)
    rate = answered.per_second * sizes
    yield Measurement("lineage", f"batches of {sizes}", rate, copied, name, target, "events/s", 1)


def event(number: int) -> dict[str, Any]:
    """A run that read two tables with columns and wrote one, about two kilobytes."""
    space, moment = "postgres://warehouse:5432", datetime(2026, 2, 1, tzinfo=UTC) + timedelta(seconds=number)
    made = {
        "_producer": "https://example.org/pipeline",
        "_schemaURL": "https://openlineage.io/spec/facets/1-1-1/SchemaDatasetFacet.json",
    }
    columns = {"schema": {**made, "fields": [{"name": f"column_{place}", "type": "VARCHAR"} for place in range(8)]}}
    table = f"bank.area_{number % 40}"
    return {
        "eventType": "COMPLETE",
        "eventTime": moment.isoformat(),
        "producer": made["_producer"],
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": str(uuid.uuid5(uuid.NAMESPACE_URL, str(number)))},
        "job": {"namespace": "pipeline", "name": f"build_{number % 200}"},
        "inputs": [{"namespace": space, "name": f"{table}.source_{place}", "facets": columns} for place in (1, 2)],
        "outputs": [{"namespace": space, "name": f"{table}.result_{number % 200}", "facets": columns}],
    }


def body(number: int) -> bytes:
    """The same as it is sent."""
    return json.dumps(event(number)).encode()


def copy_rate(bodies: list[bytes]) -> float:
    """Rows per second of one COPY, committed, of these bytes into a table without an index."""
    with psycopg.connect(database.address("owner"), autocommit=True) as owner:
        owner.execute("CREATE TABLE IF NOT EXISTS floor_event (body bytea NOT NULL)")

        def copy() -> None:
            with owner.cursor() as cursor, cursor.copy("COPY floor_event FROM STDIN") as copying:
                for content in bodies:
                    copying.write_row((content,))

        return len(bodies) / median([measuring.timed(copy) for _ in range(3)])


def impact(wanted: Size) -> Iterator[Measurement]:
    """What hangs on a table: on any, and on one that half of the graph hangs on."""
    nodes = wanted.edges * 3 // 10
    fill(nodes, wanted)
    graph = in_memory()
    chosen = random.Random(7).sample(range(HUBS + 1, nodes + 1), wanted.questions)
    hubs = range(1, min(HUBS, wanted.hubs) + 1)
    for name, numbers, limit in (("any table", chosen, IMPACT_SECONDS), ("a hub", hubs, HUB_SECONDS)):
        yield asked(f"impact of {name}, {wanted.edges} edges", [identity(number) for number in numbers], graph, limit)


def identity(number: int) -> uuid.UUID:
    """The id that `fill` gives the dataset with this number."""
    return uuid.UUID(f"{DATASET:08x}-0000-7000-8000-{number:012x}")


def asked(case: str, roots: list[uuid.UUID], graph: Any, limit: float) -> Measurement:
    """The slowest twentieth of the questions, beside networkx naming the descendants."""
    import networkx

    own, other, reached = [], [], []
    for root in roots:
        node = Node("dataset", dataset=Dataset.objects.get(pk=root))
        found: list[Any] = []
        own.append(measuring.timed(lambda node=node, found=found: found.append(queries.impact(node))))
        other.append(measuring.timed(lambda root=root: networkx.descendants(graph, root)))
        reached.append(found[0].reached)
        if found[0].reached != len(networkx.descendants(graph, root)) + 1:
            raise SystemExit(f"{case}: {found[0].reached} are reached, networkx sees others.")
    values, target = [percentile(times, 0.95) * 1e3 for times in (own, other)], measuring.ours_at_most(limit * 1e3)
    words = f"{case}, {median(reached):.0f} reached"
    return Measurement("lineage", words, *values, "networkx BFS in memory", target, "ms p95", len(roots))


def in_memory() -> Any:
    """The same graph in this process."""
    import networkx

    graph = networkx.DiGraph()
    graph.add_nodes_from(Dataset.objects.values_list("pk", flat=True).iterator())
    graph.add_edges_from(Edge.objects.values_list("source", "target").iterator())
    return graph


def fill(nodes: int, wanted: Size) -> None:
    """Twelve layers in domains of 250 tables, each reading from the layer before; sixty hubs with 2 000 readers elsewhere."""
    layer, hubs = nodes // LAYERS, min(HUBS, nodes // LAYERS // 4)
    place = factories.dataset("seed")
    multiply(Dataset, place.pk, nodes, id=key(DATASET), name="'table ' || i")
    job = Job.objects.create(namespace="pipeline", name="seed")
    multiply(Job, job.pk, nodes, id=key(JOB), name="'job ' || i")
    width = min(IN_DOMAIN // LAYERS, layer)  # tables of a domain in one layer
    target = f"({layer} + 1 + mod(i * 7919, {nodes - layer}))"
    source = f"({target} - {layer} - mod({target}, {width}) + mod(hash_edge(i), {width}))"
    readers = min(HUB_CONSUMERS, nodes // 20)
    from_hub = f"i <= {hubs * readers}"
    source = f"CASE WHEN {from_hub} THEN 1 + mod(i, {hubs}) ELSE greatest({source}, 1) END"
    target = f"CASE WHEN {from_hub} THEN {layer} + 1 + mod(hash_edge(i), {nodes - layer}) ELSE {target} END"
    make_edges(source, target, wanted.edges)
    model = factories.version()
    multiply(ModelVersion, model.pk, wanted.versions, id=key(MODEL_VERSION), version="'1.' || i")
    last = f"{nodes} - mod(i * 104729, {layer})"
    state = factories.dataset_version(place)
    multiply(DatasetVersion, state.pk, wanted.versions, id=key(STATE), dataset_id=key(DATASET, last), key="'v' || i")
    factories.link(model, state)
    link, of_version = DatasetLink.objects.get().pk, key(MODEL_VERSION)
    multiply(DatasetLink, link, wanted.versions, id=key(LINK), version_id=of_version, dataset_version_id=key(STATE))
    bulk.settle()


def make_edges(source: str, target: str, amount: int) -> None:
    """That many edges, each once."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO lineage_edge (id, created_at, source_id, target_id, basis, job_id, first_seen, last_seen)
            SELECT {key(EDGE, "number")}, now(), {key(DATASET, "source")}, {key(DATASET, "target")}, 'explicit',
                   {key(JOB, "target")}, now(), now()
            FROM (SELECT i AS number, {source} AS source, {target} AS target FROM generate_series(1::bigint, {amount}) AS i) e
            WHERE source <> target ON CONFLICT DO NOTHING""".replace("hash_edge(i)", "abs(hashint8(i)::bigint)")
        )
