from typing import Any

from apps.evidence.checks.base import Check, CheckParams, Example, Metric, Result, Subject, Tools, table

DETECTOR = "patterns 1.0.0"
PERSONAL = {"identifier", "quasi_identifier", "personal", "special_category"}


class PersonalData(Check):
    """Personal data per column, by patterns with checksums and by names; values are counted and never kept. Source: Regulation (EU) 2016/679 Art. 4(1), 5(1)(c)."""

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
        from apps.evidence.kernels import patterns

        plan, rows, unresolved = state["plan"], [], []
        for name in plan["columns"]:
            seen = patterns.judge(name, state["counts"].get(name, {"rows": plan["present"][name]}))
            if seen is None:
                continue
            declared = plan["declared"][name]
            is_open = (
                seen["is_direct"]
                and seen["confidence"] == "high"
                and not declared["is_masked"]
                and declared["classification"] not in PERSONAL
            )
            unresolved += [name] if is_open else []
            rows.append(
                {
                    "column": name, "kind": seen["title"], "share": seen["share"], "passed": seen["passed"], "by": seen["by"],
                    "confidence": seen["confidence"], "declared": _declared(declared), "flagged": is_open,
                    "reading": "not declared" if is_open else "declared" if _declared(declared) else "indirect",
                }
            )  # fmt: skip
        direct = [row["column"] for row in rows if row["flagged"]]
        takeaway = f"{len(plan['columns'])} columns were looked at; {len(rows)} look personal, " + (
            f"and {', '.join(direct[:3])} {'holds' if len(direct) == 1 else 'hold'} direct identifiers that nobody declared or masked."
            if direct
            else "and no direct identifier stands undeclared and unmasked."
        )
        columns = [
            ("column", "Column", "text"), ("kind", "Looks like", "text"), ("share", "Values that match", "share", 1), ("passed", "Checksum passed", "share", 0),
            ("by", "Seen by", "text"), ("confidence", "Confidence", "text"), ("declared", "Declared as", "text"), ("reading", "Reading", "reading"),
        ]  # fmt: skip
        return Result(
            takeaway,
            types={
                "pii_scan": {
                    "unresolved_high": len(unresolved),
                    "fields_scanned": len(plan["columns"]),
                    "detector_version": DETECTOR,
                }
            },
            metrics=self.measured(
                fields_scanned=len(plan["columns"]), fields_found=len(rows), unresolved_high=len(unresolved)
            ),
            tables=[
                table(
                    "columns",
                    "Columns that look personal",
                    columns,
                    rows,
                    "Values were counted while reading; none is kept or shown.",
                )
            ],
            limits=[
                "Names, streets and dates of birth under a column name that says nothing are not found: patterns do not recognise them.",
                "A column without a match is not thereby free of personal data; combinations of columns may still single people out.",
            ],
            method={
                "Measure": "Share of values per pattern, checksum pass rate against chance, precedence of kinds, and the column's name as separate evidence",
                "Detector": DETECTOR,
                "Unresolved": "A direct identifier of high confidence whose column is neither classified as personal nor masked in the catalog",
            },
        )


def _declared(declared: dict[str, Any]) -> str:
    kind = declared["classification"]
    words = "" if kind in {None, "unclassified"} else str(kind).replace("_", " ")
    return ", ".join(part for part in (words, "masked" if declared["is_masked"] else "") if part)
