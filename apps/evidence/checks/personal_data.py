from typing import Any

from apps.evidence.checks.base import Check, CheckParams, Example, Metric, Result, Subject, Tools, table

DETECTOR = "patterns 1.0.0"
COLUMNS = [
    ("column", "Column", "text"),
    ("kind", "Looks like", "text"),
    ("share", "Matches", "share", 1),
    ("passed", "Checksum", "share", 0),
    ("by", "Seen by", "text"),
    ("declared", "Declared as", "text"),
    ("reading", "Reading", "reading"),
]
PERSONAL = {"identifier", "quasi_identifier", "personal", "special_category"}


class PersonalData(Check):
    """Personal data per column, by patterns with checksums and by names; values are counted and never kept.

    Source: Regulation (EU) 2016/679 Art. 4(1), 5(1)(c)."""

    key, title, order = "personal_data", "Personal data", 14
    reads = ("train", "scored", "test")
    fills = ("pii_scan",)
    metrics = (
        Metric("fields_scanned", "Columns looked at", "columns", 0),
        Metric("fields_found", "Columns that look personal", "columns", 0),
        Metric("unresolved_high", "Identifiers that nobody declared or masked", "columns", 0),
    )

    class Params(CheckParams):
        """No parameters."""

    example = Example(
        rows=[{"contact": "a.person@example.org", "amount": 10}, {"contact": "b.person@example.org", "amount": 12}],
        expect={"fields_scanned": 2, "fields_found": 1, "unresolved_high": 1},
    )

    def plan(self, subject: Subject, params: Any) -> dict[str, Any]:
        """Every text column by its values and its name; numbers by their name."""
        declared = {
            name: {key: subject.declared.get(name, {}).get(key) for key in ("classification", "is_masked")}
            for name in subject.columns
        }
        texts = [
            name for name, column in subject.columns.items() if not column.is_numeric or (column.high or 0) >= 1e11
        ]
        present = {name: column.present for name, column in subject.columns.items()}
        plan = {
            "columns": list(subject.columns),
            "texts": texts,
            "declared": declared,
            "present": present,
            "name": subject.name,
        }
        return {"plan": plan, "counts": {}}

    def update(self, state: dict[str, Any], batch: Any) -> dict[str, Any]:
        """Count matches per column and kind."""
        from apps.evidence.kernels import patterns, states

        found = {name: patterns.count(batch, name) for name in state["plan"]["texts"]}
        return states.add(state, {"plan": state["plan"], "counts": found})

    def finish(self, state: dict[str, Any], tools: Tools) -> Result:
        """A row per column in which something was found."""
        count = len(state["plan"]["columns"])
        rows = [row for name in state["plan"]["columns"] if (row := self._row(name, state))]
        unresolved = [row["column"] for row in rows if row["flagged"]]
        named = ", ".join(unresolved[:3])
        takeaway = f"{len(rows)} of {count} columns look personal. " + (
            f"{named} {'holds' if len(unresolved) == 1 else 'hold'} direct identifiers that nobody declared or masked."
            if unresolved
            else "No direct identifier stands undeclared and unmasked."
        )
        found = {"unresolved_high": len(unresolved), "fields_scanned": count}
        return Result(
            takeaway,
            types={"pii_scan": {**found, "detector_version": DETECTOR}},
            metrics=self.measured(fields_found=len(rows), **found),
            tables=[
                table("columns", "Columns that look personal", COLUMNS, rows, "Values were counted; none is kept.")
            ],
            limits=[
                "Names, streets and dates of birth under a column name that says nothing are not found.",
                "A column without a match may still be personal data; combinations of columns may single people out.",
            ],
            method={
                "Measure": "Share of values per pattern, checksums against chance, precedence of kinds, column names apart",
                "Detector": DETECTOR,
                "Unresolved": "A direct identifier of high confidence that is neither classified as personal nor masked",
            },
        )

    def _row(self, name: str, state: dict[str, Any]) -> dict[str, Any] | None:
        """What was found in one column, beside what was declared of it; None when nothing was found."""
        from apps.evidence.kernels import patterns

        plan = state["plan"]
        seen = patterns.judge(name, state["counts"].get(name, {"rows": plan["present"][name]}))
        if seen is None:
            return None
        declared = plan["declared"][name]
        is_resolved = declared["is_masked"] or declared["classification"] in PERSONAL
        is_open = seen["is_direct"] and seen["confidence"] == "high" and not is_resolved
        return {
            "column": name,
            "kind": seen["title"],
            "share": seen["share"],
            "passed": seen["passed"],
            "by": f"{seen['by']}, {seen['confidence']} confidence",
            "declared": _declared(declared) or "nothing",
            "flagged": is_open,
            "reading": "not declared" if is_open else "declared" if is_resolved else "indirect",
        }


def _declared(declared: dict[str, Any]) -> str:
    kind = declared["classification"]
    words = "" if kind in {None, "unclassified"} else str(kind).replace("_", " ")
    return ", ".join(part for part in (words, "masked" if declared["is_masked"] else "") if part)
