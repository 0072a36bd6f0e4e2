from typing import Any

from apps.evidence.checks.base import Check, CheckParams, Example, Metric, Result, Subject, Tools, figure, table

BASES = {
    "proven": "proven by a run",
    "declared": "declared by a person",
    "assumed": "assumed: only the datasets are connected",
    "opaque": "not known",
}

FEATURES = [
    ("feature", "Feature", "text"),
    ("basis", "Known by", "text"),
    ("sources", "From", "text"),
    ("reading", "Reading", "reading"),
]
LIMITS = [
    "What happened to data before the first event that was received is not known.",
    "A declared edge says what a person knows; only runs that reported their columns prove one.",
]
DATASETS = [
    ("dataset", "Dataset", "text"),
    ("role", "Role", "text"),
    ("digest", "SHA-256", "digest"),
    ("purpose", "Purposes of use", "text"),
]


class LineageCompleteness(Check):
    """For how many features the columns they came from are known, and how surely.

    Source: Regulation (EU) 2024/1689 Art. 10(2)(b), Annex IV 2(d); BCBS 239 principle 3."""

    key, title, order = "lineage_completeness", "Completeness of lineage", 40
    reads = ()
    fills = ("data_lineage",)
    metrics = (
        Metric("features", "Features", "features", 0),
        Metric("traced", "Features traced to columns", "share"),
        Metric("proven", "Features traced by recorded runs", "share"),
        Metric("sources", "Source datasets", "datasets", 0),
        Metric("hashed", "Linked datasets with a digest", "share"),
    )

    class Params(CheckParams):
        """No parameters."""

    example = Example(
        subject={
            "facts": {
                "lineage": {
                    "features": [
                        {"feature": "age", "basis": "proven", "sources": ["crm.age"]},
                        {"feature": "x", "basis": "opaque", "sources": []},
                    ],
                    "links": [{"name": "train", "role": "train", "sha256": "aa", "purpose": True}],
                    "sources": 1,
                }
            }
        },
        expect={"features": 2, "traced": 0.5, "proven": 0.5, "sources": 1, "hashed": 1.0},
    )

    def plan(self, subject: Subject, params: Any) -> dict[str, Any]:
        """What lineage and catalog say; no rows are read."""
        known = subject.facts.get("lineage") or {"features": [], "links": [], "sources": 0}
        return {
            "plan": {
                "features": list(known["features"]),
                "links": list(known["links"]),
                "sources": int(known["sources"]),
            }
        }

    def finish(self, state: dict[str, Any], tools: Tools) -> Result:
        """A row per feature and per linked dataset."""
        features, links, sources = (state["plan"][name] for name in ("features", "links", "sources"))
        count = len(features)
        by_basis = {basis: sum(row["basis"] == basis for row in features) for basis in BASES}
        traced = count - by_basis["opaque"]
        hashed = sum(bool(row.get("sha256")) for row in links)
        takeaway = (
            f"{traced} of {count} features are traced to the columns they came from. By recorded runs: {by_basis['proven']}."
            if count
            else "This version declares no features, so none can be traced."
        )
        filled = {
            "sources": sources,
            "transforms_recorded": bool(count) and traced == count,
            "hashes_present": bool(links) and hashed == len(links),
            "original_purpose_recorded": bool(links) and all(row.get("purpose") for row in links),
        }
        return Result(
            takeaway,
            types={"data_lineage": filled},
            metrics=self.measured(
                features=count,
                traced=traced / count if count else None,
                proven=by_basis["proven"] / count if count else None,
                sources=sources,
                hashed=hashed / len(links) if links else None,
            ),
            tables=[
                table("features", "Lineage by feature", FEATURES, [_feature(row) for row in features]),
                table("datasets", "Datasets linked to this version", DATASETS, [_dataset(row) for row in links]),
            ],
            figures=[_figure(by_basis, count, takeaway)] if count else [],
            limits=LIMITS,
            method={
                "Measure": "Declared features with a column edge from a dataset, by the weakest basis along the path"
            },
        )


def _feature(row: dict[str, Any]) -> dict[str, Any]:
    is_opaque = row["basis"] == "opaque"
    return {
        "feature": row["feature"],
        "basis": BASES.get(row["basis"], row["basis"]),
        "sources": ", ".join(row.get("sources") or []) or "unknown",
        "flagged": is_opaque,
        "reading": "missing" if is_opaque else "none",
    }


def _dataset(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "dataset": row["name"],
        "role": row["role"],
        "digest": row.get("sha256") or "none",
        "purpose": "stated" if row.get("purpose") else "not stated",
        "flagged": not row.get("sha256"),
    }


def _figure(by_basis: dict[str, int], count: int, takeaway: str) -> dict[str, Any]:
    """Features by basis."""
    from apps.evidence.kernels import charts

    drawn = [
        {"group": BASES[basis], "value": number, "text": str(number), "flagged": basis == "opaque"}
        for basis, number in by_basis.items()
    ]
    spec = charts.bars(drawn, takeaway=takeaway, table="features", title="Features", domain=[0, count], width=300)
    return figure("basis", "Features by how their lineage is known", takeaway, spec, "features")
