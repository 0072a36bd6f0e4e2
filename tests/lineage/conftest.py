"""Events to test with: small ones made here, and the corpus of real ones where it is at hand."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import Any

import pytest

from apps.lineage import services
from apps.lineage.services.intake import store

CORPUS = Path(os.environ.get("OPENLINEAGE_CORPUS", Path(__file__).parents[3] / "shared" / "data" / "openlineage"))
PRODUCER = "https://example.org/producer/1.0"
SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json"


def facet(**values: Any) -> dict[str, Any]:
    """A facet with the two keys that every facet has."""
    return {"_producer": PRODUCER, "_schemaURL": f"{SPEC}#/$defs/BaseFacet", **values}


def run_id(label: str) -> str:
    """A stable run id."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, label))


def dataset(name: str, namespace: str = "postgres://warehouse:5432", **facets: Any) -> dict[str, Any]:
    """A dataset of an event."""
    return {"namespace": namespace, "name": name, "facets": facets}


def columns(*names: str) -> dict[str, Any]:
    """A schema facet."""
    return facet(fields=[{"name": name, "type": "TEXT"} for name in names])


def source(
    name: str, field: str, *ways: dict[str, Any], namespace: str = "postgres://warehouse:5432"
) -> dict[str, Any]:
    """An input column of a column lineage facet."""
    found: dict[str, Any] = {"namespace": namespace, "name": name, "field": field}
    return {**found, "transformations": list(ways)} if ways else found


def way(kind: str = "DIRECT", subtype: str = "IDENTITY", *, masking: bool = False) -> dict[str, Any]:
    """A transformation."""
    return {"type": kind, "subtype": subtype, "masking": masking, "description": ""}


def lineage_of(**fields: list[dict[str, Any]]) -> dict[str, Any]:
    """A column lineage facet."""
    return facet(fields={column: {"inputFields": sources} for column, sources in fields.items()})


def run_event(
    event_type: str = "COMPLETE",
    *,
    run: str = "run-1",
    job: str = "build",
    at: str = "2026-02-01T08:00:00Z",
    inputs: list[dict[str, Any]] | None = None,
    outputs: list[dict[str, Any]] | None = None,
    job_facets: dict[str, Any] | None = None,
    run_facets: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A run event."""
    return {
        "eventType": event_type,
        "eventTime": at,
        "producer": PRODUCER,
        "schemaURL": f"{SPEC}#/$defs/RunEvent",
        "run": {"runId": run_id(run), "facets": run_facets or {}},
        "job": {"namespace": "scheduler", "name": job, "facets": job_facets or {}},
        "inputs": inputs or [],
        "outputs": outputs or [],
    }


def job_event(job: str = "build", at: str = "2026-02-01T08:00:00Z", **parts: Any) -> dict[str, Any]:
    """A design-time event of a job."""
    facets = parts.pop("facets", {})
    return {
        "eventTime": at,
        "producer": PRODUCER,
        "schemaURL": f"{SPEC}#/$defs/JobEvent",
        "job": {"namespace": "scheduler", "name": job, "facets": facets},
        **parts,
    }


def dataset_event(item: dict[str, Any], at: str = "2026-02-01T08:00:00Z") -> dict[str, Any]:
    """A design-time event of a dataset."""
    return {"eventTime": at, "producer": PRODUCER, "schemaURL": f"{SPEC}#/$defs/DatasetEvent", "dataset": item}


def raw(event: Any) -> bytes:
    """The event as bytes."""
    return json.dumps(event, ensure_ascii=False).encode()


def corpus_events(*folders: str) -> list[bytes]:
    """The events of the corpus, in file order."""
    found = []
    for folder in folders:
        for path in sorted((CORPUS / folder).rglob("*.json*")):
            text = path.read_bytes()
            found += [line for line in text.splitlines() if line.strip()] if path.suffix == ".jsonl" else [text]
    return found


def project(*events: Any) -> None:
    """Take events in and project them, one by one, in this order."""
    from django.utils import timezone

    from apps.audit.services import system
    from apps.lineage import openlineage

    for event in events:
        body = event if isinstance(event, bytes) else raw(event)
        store([openlineage.read(body, now=timezone.now())], actor=system("lineage"), at=timezone.now())
        services.project_waiting()


needs_corpus = pytest.mark.skipif(
    not CORPUS.exists(), reason=f"the OpenLineage corpus is not at {CORPUS}; set OPENLINEAGE_CORPUS"
)


TRAINING = "credit-train-0412"
MASK = way("DIRECT", "TRANSFORMATION", masking=True)


def credit_events() -> list[dict[str, Any]]:
    """A small credit pipeline: three sources, one feature table with column lineage, a training run."""
    sources = [
        dataset("customers", schema=columns("customer_id", "age", "sex", "job", "housing")),
        dataset("applications", schema=columns("purpose", "credit_amount", "risk")),
        dataset("balances", schema=columns("iban", "checking_account")),
    ]
    copied = {"job": "customers", "housing": "customers", "purpose": "applications", "credit_amount": "applications"}
    lineage = lineage_of(
        age_band=[source("customers", "age", MASK)],
        risk=[source("applications", "risk", way())],
        **{column: [source(table, column, way())] for column, table in copied.items()},
    )
    lineage["dataset"] = [source("customers", "customer_id", way("INDIRECT", "JOIN"))]
    features = dataset(
        "features",
        schema=columns("age_band", *copied, "risk", "checking_account"),
        columnLineage=lineage,
        version=facet(datasetVersion="12"),
    )
    build = {"run": "build-12", "job": "build_features"}
    train = {"run": TRAINING, "job": "train"}
    model_out = dataset("credit/12", namespace="s3://models", datasetType=facet(datasetType="MODEL"))
    feature_in = dataset("features", version=facet(datasetVersion="12"))
    return [
        run_event("START", at="2026-02-01T08:00:00Z", **build),
        run_event("COMPLETE", at="2026-02-01T08:01:00Z", inputs=sources, outputs=[features], **build),
        run_event("START", at="2026-02-01T08:02:00Z", inputs=[feature_in], **train),
        run_event("COMPLETE", at="2026-02-01T08:03:00Z", inputs=[feature_in], outputs=[model_out], **train),
    ]


def credit_version(**more: Any) -> Any:
    """A version trained on the features of that pipeline."""
    from tests import factories

    names = ["age_band", "job", "housing", "purpose", "credit_amount", "checking_account", "invented"]
    columns_ = {"training": {"run_id": run_id(TRAINING)}, "features": names, **more}
    version = factories.version(**columns_)
    from apps.catalog.services import ensure_dataset, ensure_version

    features = ensure_dataset("postgres://warehouse:5432", "features")
    state = ensure_version(features, "12", origin="declared")
    factories.link(version, state, target="risk")
    return version
