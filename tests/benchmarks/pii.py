"""Looking for personal data: every value of every column by the product's patterns, beside presidio's on some of the rows.

Columns are judged with nothing but their values on both sides: names of columns would help only one of the two.
"""

import csv
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from apps.config.database import ROOT
from apps.evidence.inputs import files
from apps.evidence.kernels import patterns, states
from tests.benchmarks import measuring, peers
from tests.benchmarks.measuring import Measurement, median

SIZES = {"full": (40, 3, 150), "quick": (4, 1, 60), "smoke": (1, 1, 0)}
"""How many times the table stands in the file, how often it is read, rows that presidio reads (none: it is not asked)."""
TABLE = ROOT.parent / "shared/data/tabular/pii_columns.csv"
PRESIDIO = ["presidio-analyzer==2.2.366"]
KINDS = {"email": "EMAIL_ADDRESS", "phone": "PHONE_NUMBER", "us_ssn": "US_SSN", "iban": "IBAN_CODE", "credit_card": "CREDIT_CARD",
         "ip_address": "IP_ADDRESS"}  # fmt: skip
"""The kinds that have a pattern on both sides, and what presidio calls them."""
SHARE = 0.2  # presidio's columns hold what this share of their values matches, where it did best in our trial
ASKED = """
import csv, json, sys, time
import spacy
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NlpEngine, NlpArtifacts, SpacyNlpEngine
from presidio_analyzer.predefined_recognizers import (
    CreditCardRecognizer, EmailRecognizer, IbanRecognizer, IpRecognizer, PhoneRecognizer, UsSsnRecognizer)

class Blank(SpacyNlpEngine):
    def __init__(self):
        super().__init__()
        self.nlp = {"en": spacy.blank("en")}

registry = RecognizerRegistry(recognizers=[one() for one in (
    CreditCardRecognizer, EmailRecognizer, IbanRecognizer, IpRecognizer, PhoneRecognizer, UsSsnRecognizer)])
engine = AnalyzerEngine(registry=registry, nlp_engine=Blank(), supported_languages=["en"])
with open(sys.argv[1], newline="") as stream:
    rows = list(csv.DictReader(stream))[: int(sys.argv[2])]
found, begun, count = {}, time.process_time(), 0
for column in rows[0]:
    values = [row[column] for row in rows if row[column]]
    for value in values:
        count += 1
        for kind in {hit.entity_type for hit in engine.analyze(text=value, language="en")}:
            found.setdefault(column, {}).setdefault(kind, 0)
            found[column][kind] += 1 / len(values)
print(json.dumps({"seconds": time.process_time() - begun, "values": count, "found": found}))
"""


def measure(size: str) -> Iterator[Measurement]:
    """Values a second of the processor, then how well columns are told."""
    times, runs, sample = SIZES[size]
    if not TABLE.exists():
        return
    truth = json.loads(TABLE.with_suffix(".truth.json").read_text())
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "table.csv"
        values = write(path, times)
        costs = [measuring.cost(lambda: scan(path)) for _ in range(runs)]
        told = {column: row["kind"] for column, row in scan(path).items() if row}
    theirs = peers.ask(PRESIDIO, ASKED, str(TABLE), str(sample)) if sample else None
    own_speed = median([values / cost.processor for cost in costs])
    name = f"{PRESIDIO[0]}, blank model, six patterns"
    other = theirs["values"] / theirs["seconds"] if theirs else None
    case = f"{values:,} values of {len(truth)} columns"
    yield Measurement(
        "pii", case, own_speed, other, name, measuring.ratio_at_least(500), "values/s of processor time", runs
    )
    if theirs:
        scores = f1(told, truth), f1(of_presidio(theirs["found"]), truth)
        yield Measurement("pii", "F1 by column, values only", *scores, name, measuring.ratio_at_least(1), "F1", 1)


def write(path: Path, times: int) -> int:
    """The table so many times below itself; how many values that are."""
    with TABLE.open(newline="", encoding="utf-8") as stream:
        head, *rows = list(csv.reader(stream))
    with path.open("w", newline="", encoding="utf-8") as stream:
        out = csv.writer(stream)
        out.writerow(head)
        for _ in range(times):
            out.writerows(rows)
    return times * sum(bool(value) for row in rows for value in row)


def scan(path: Path) -> dict[str, dict[str, Any] | None]:
    """Read the file and judge every column under a name that says nothing."""
    with files.open_file(str(path), roots=[str(path.parent)]) as file:
        names, counted = file.header(), {}
        for batch in file.batches():
            for column in names:
                counted[column] = states.sums(counted.get(column, {}), patterns.count(batch, column))
    return {column: patterns.judge(f"c{place}", counted[column]) for place, column in enumerate(names)}


def of_presidio(found: dict[str, dict[str, float]]) -> dict[str, str]:
    """Which kind it saw most often in a column, where that was often enough."""
    names = {entity: kind for kind, entity in KINDS.items()}
    best = {column: max(kinds.items(), key=lambda pair: pair[1]) for column, kinds in found.items()}
    return {column: names[kind] for column, (kind, share) in best.items() if share >= SHARE}


def f1(told: dict[str, str], truth: dict[str, str | None]) -> float:
    """Harmonic mean of precision and recall over columns; free text counts as found with any kind, and is asked of nobody."""
    asked = {column: kind for column, kind in truth.items() if kind in KINDS}
    free = {column for column, kind in truth.items() if kind and kind.startswith("free_text")}
    right = sum(told.get(column) == kind for column, kind in asked.items())
    claimed = len([column for column in told if column not in free])
    return 2 * right / (claimed + len(asked)) if claimed else 0.0
