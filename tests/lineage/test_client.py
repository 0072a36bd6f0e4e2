"""The unmodified OpenLineage client against a running server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from apps.lineage import queries
from apps.lineage.models import Run
from tests import factories


@pytest.mark.django_db(transaction=True)
def test_the_python_client_sends_start_and_complete(live_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from openlineage.client import OpenLineageClient
    from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, RunEvent, RunState
    from openlineage.client.event_v2 import Run as ClientRun
    from openlineage.client.facet_v2 import column_lineage_dataset, schema_dataset
    from openlineage.client.uuid import generate_new_uuid

    token = factories.token_for(factories.service_account(), "lineage:write")
    monkeypatch.setenv("OPENLINEAGE_URL", live_server.url)
    monkeypatch.setenv("OPENLINEAGE_API_KEY", token)
    run = ClientRun(runId=str(generate_new_uuid()))
    job = Job(namespace="scripts", name="features")
    flow = column_lineage_dataset.InputField(
        namespace="file",
        name="/data/customers.csv",
        field="age",
        transformations=[column_lineage_dataset.Transformation(type="DIRECT", subtype="TRANSFORMATION", masking=True)],
    )
    fields = {"age_band": column_lineage_dataset.Fields(inputFields=[flow])}
    schema = schema_dataset.SchemaDatasetFacet(
        fields=[schema_dataset.SchemaDatasetFacetFields(name="age_band", type="INT")]
    )
    lineage = column_lineage_dataset.ColumnLineageDatasetFacet(fields=fields)
    out = OutputDataset(
        namespace="file", name="/data/features.parquet", facets={"schema": schema, "columnLineage": lineage}
    )
    client = OpenLineageClient()
    for state, outputs in ((RunState.START, []), (RunState.COMPLETE, [out])):
        client.emit(
            RunEvent(
                eventType=state,
                eventTime=datetime.now(UTC).isoformat(),
                run=run,
                job=job,
                producer="https://example.org/script",
                inputs=[InputDataset(namespace="file", name="/data/customers.csv")],
                outputs=outputs,
            )
        )
    client.close(timeout=5)
    assert Run.objects.get().state == "complete"
    found = queries.graph(queries.find_node("dataset:file:/data/features.parquet", user=None), direction="up")
    assert [(edge.source_field.path, edge.target_field.path, edge.is_masked) for edge in found.field_edges] == [
        ("age", "age_band", True)
    ]
