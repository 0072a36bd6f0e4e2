"""PMML: scored by hand-made figures, refused where something is not understood, run in a process of its own.

`python -m tests.evidence.pmml_peers` compares whole models of scikit-learn with JPMML's evaluator.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.evidence.inputs import artifacts
from apps.evidence.inputs.file_scoring import FileScorer
from apps.evidence.inputs.pmml import child
from apps.evidence.inputs.pmml.expressions import items
from apps.evidence.inputs.pmml.reading import Element, Refused, read
from apps.evidence.models import Evidence
from tests.evidence.conftest import credit_rows, score_of
from tests.evidence.test_artifacts import FEATURES, HOSTILE, columns_of, served_with_file
from tests.evidence.test_measuring import measured

FIELDS = """<DataField name="income" optype="continuous" dataType="double"/>
<DataField name="age" optype="continuous" dataType="integer"/>
<DataField name="housing" optype="categorical" dataType="string"><Value value="own"/><Value value="rent"/></DataField>"""
CLASSES = (
    '<DataField name="y" optype="categorical" dataType="string"><Value value="bad"/><Value value="good"/></DataField>'
)
SCHEMA = (
    '<MiningSchema><MiningField name="income"/><MiningField name="age"/><MiningField name="housing"/></MiningSchema>'
)
ROWS: dict[str, list[Any]] = {"income": [100.0, 200.0, 300.0], "age": [20, 40, 60], "housing": ["own", "rent", "own"]}


def pmml(model: str, *, fields: str = FIELDS, before: str = "", head: str = "") -> bytes:
    """A file with this model."""
    told = f"<Header/><DataDictionary>{fields}</DataDictionary>{before}{model}"
    return f'{head}<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4">{told}</PMML>'.encode()


def regression(inner: str, schema: str = SCHEMA, **said: str) -> str:
    """A regression of income and housing."""
    told = {"functionName": "regression", **said}
    attributes = " ".join(f'{name}="{value}"' for name, value in told.items())
    return f"<RegressionModel {attributes}>{schema}{inner}</RegressionModel>"


TABLE = """<RegressionTable intercept="1"><NumericPredictor name="income" coefficient="0.01"/>
<NumericPredictor name="age" coefficient="0.001" exponent="2"/>
<CategoricalPredictor name="housing" value="own" coefficient="0.5"/></RegressionTable>"""


def scores(content: bytes, rows: dict[str, list[Any]] | None = None, positive: str = "good") -> list[float]:
    """The scores that the file gives."""
    return child.scores(read(content), rows or ROWS, positive)


def node(predicate: str, inner: str = "", **said: str) -> str:
    """A node of a tree."""
    attributes = " ".join(f'{name}="{value}"' for name, value in said.items())
    return f"<Node {attributes}>{predicate}{inner}</Node>"


def when(field: str, operator: str, value: str = "") -> str:
    """A simple predicate."""
    return f'<SimplePredicate field="{field}" operator="{operator}" {f"value={chr(34)}{value}{chr(34)}" if value else ""}/>'


def tree(*nodes: str, **said: str) -> str:
    """A tree of numbers."""
    attributes = " ".join(f'{name}="{value}"' for name, value in {"functionName": "regression", **said}.items())
    return f"<TreeModel {attributes}>{SCHEMA}{node('<True/>', ''.join(nodes), score='0', id='top')}</TreeModel>"


def segments(method: str, *parts: str, function: str = "regression") -> str:
    """Models joined by a method, each for every row."""
    inner = "".join(
        f"<Segment{' weight=' + chr(34) + str(place) + chr(34)}><True/>{part}</Segment>"
        for place, part in enumerate(parts, 1)
    )
    joined = f'<Segmentation multipleModelMethod="{method}">{inner}</Segmentation>'
    return f'<MiningModel functionName="{function}">{SCHEMA}{joined}</MiningModel>'


def test_a_regression_adds_numbers_powers_and_categories() -> None:
    assert scores(pmml(regression(TABLE))) == pytest.approx([1 + 1 + 0.4 + 0.5, 1 + 2 + 1.6, 1 + 3 + 3.6 + 0.5])


@pytest.mark.parametrize(
    "link, of", [("logit", lambda y: 1 / (1 + math.exp(-y))), ("exp", math.exp), ("cauchit", lambda y: 0.5 + math.atan(y) / math.pi)]
)  # fmt: skip
def test_a_regression_is_linked_as_it_says(link: str, of: Any) -> None:
    assert scores(pmml(regression(TABLE, normalizationMethod=link))) == pytest.approx([of(2.9), of(4.6), of(8.1)])


def test_classes_get_shares_and_the_positive_one_is_the_score() -> None:
    own = TABLE.replace("<RegressionTable", '<RegressionTable targetCategory="good"')
    other = '<RegressionTable intercept="0" targetCategory="bad"/>'
    target = SCHEMA.replace("<MiningSchema>", '<MiningSchema><MiningField name="y" usageType="target"/>')
    shares = regression(own + other, target, functionName="classification", normalizationMethod="logit")
    content = pmml(shares, fields=FIELDS + CLASSES)
    good = scores(content)
    assert good == pytest.approx([1 / (1 + math.exp(-y)) for y in (2.9, 4.6, 8.1)])
    assert scores(content, positive="bad") == pytest.approx([1 - value for value in good])
    assert scores(content, positive="1") == good and scores(content, positive="0") == scores(content, positive="bad")
    softmax = scores(content.replace(b'"logit"', b'"softmax"'))
    assert softmax == pytest.approx(good)


def test_a_tree_goes_to_the_first_child_that_holds() -> None:
    content = pmml(tree(
        node(when("income", "lessOrEqual", "100"), score="1"),
        node(when("housing", "equal", "rent"), score="2"),
        node('<SimpleSetPredicate field="age" booleanOperator="isIn"><Array n="2">60 61</Array></SimpleSetPredicate>', score="3"),
    ))  # fmt: skip
    assert scores(content) == [1, 2, 3]


@pytest.mark.parametrize(
    "strategy, expected", [("lastPrediction", 0.0), ("nullPrediction", None), ("defaultChild", 5.0), ("none", 7.0)]
)
def test_a_missing_value_in_a_tree_is_treated_as_the_tree_says(strategy: str, expected: float | None) -> None:
    children = node(when("income", "lessThan", "0"), score="4", id="a") + node(
        when("age", "greaterThan", "1"), score="7"
    )
    default = node("<True/>", score="5", id="b")
    whole = node("<True/>", children + default, score="0", defaultChild="b")
    content = pmml(
        f'<TreeModel functionName="regression" missingValueStrategy="{strategy}">{SCHEMA}{whole}</TreeModel>'
    )
    rows = {**ROWS, "income": [None, None, None]}
    if expected is None:
        with pytest.raises(Refused, match="no score"):
            scores(content, rows)
    else:
        assert scores(content, rows) == [expected] * 3


def test_where_no_child_holds_the_tree_says_nothing_or_what_it_said_last() -> None:
    none = node(when("income", "lessThan", "0"), score="4")
    with pytest.raises(Refused, match="no score"):
        scores(pmml(tree(none)))
    assert scores(pmml(tree(none, noTrueChildStrategy="returnLastPrediction"))) == [0, 0, 0]


def test_thresholds_of_four_byte_fields_are_compared_with_four_bytes() -> None:
    limit = "1.3109773"
    fields = FIELDS.replace(
        'name="income" optype="continuous" dataType="double"', 'name="income" optype="continuous" dataType="float"'
    )
    content = pmml(
        tree(node(when("income", "lessOrEqual", limit), score="1"), node("<True/>", score="2")), fields=fields
    )
    just = float(np.float32(limit))
    assert just > float(limit)
    rows = {**ROWS, "income": [just, np.nextafter(np.float32(just), np.float32(2)).item(), 1.0]}
    assert scores(content, rows) == [1, 2, 1]


@pytest.mark.parametrize(
    "method, expected",
    [("sum", 6), ("average", 2), ("weightedAverage", 14 / 6), ("median", 2), ("max", 3), ("weightedMedian", 2)],
)
def test_numbers_of_several_models_are_joined(method: str, expected: float) -> None:
    parts = [tree(node("<True/>", score=str(value))) for value in (1, 2, 3)]
    assert scores(pmml(segments(method, *parts))) == pytest.approx([expected] * 3)


def test_votes_and_shares_of_several_models_are_joined() -> None:
    def leaf(good: int, bad: int) -> str:
        told = f'<ScoreDistribution value="good" recordCount="{good}"/><ScoreDistribution value="bad" recordCount="{bad}"/>'
        inner = node("<True/>", told, score="good" if good > bad else "bad")
        return f'<TreeModel functionName="classification">{SCHEMA}{inner}</TreeModel>'

    parts = [leaf(3, 1), leaf(1, 3), leaf(1, 1)]
    shares = {
        "average": 0.5,
        "weightedAverage": (0.75 + 0.5 + 1.5) / 6,
        "majorityVote": 1 / 3,
        "weightedMajorityVote": 1 / 6,
    }
    for method, expected in shares.items():
        assert scores(pmml(segments(method, *parts, function="classification"))) == pytest.approx([expected] * 3), (
            method
        )


def test_a_chain_hands_on_what_it_puts_out() -> None:
    out = '<Output><OutputField name="sum" feature="predictedValue" dataType="double"/></Output>'
    first = regression(TABLE).replace(SCHEMA, SCHEMA + out)
    last = regression('<RegressionTable intercept="0"><NumericPredictor name="sum" coefficient="2"/></RegressionTable>',
                      '<MiningSchema><MiningField name="sum"/></MiningSchema>')  # fmt: skip
    assert scores(pmml(segments("modelChain", first, last))) == pytest.approx([5.8, 9.2, 16.2])


def test_a_scorecard_adds_the_points_of_each_characteristic() -> None:
    card = f"""<Scorecard functionName="regression" initialScore="10" useReasonCodes="false">{SCHEMA}<Characteristics>
    <Characteristic name="a"><Attribute partialScore="5">{when("income", "greaterThan", "150")}</Attribute>
    <Attribute partialScore="-1"><True/></Attribute></Characteristic>
    <Characteristic name="b"><Attribute><True/><ComplexPartialScore><Apply function="*"><FieldRef field="age"/><Constant>0.5</Constant>
    </Apply></ComplexPartialScore></Attribute></Characteristic></Characteristics></Scorecard>"""
    assert scores(pmml(card)) == [10 - 1 + 10, 10 + 5 + 20, 10 + 5 + 30]


EXPRESSIONS: dict[str, list[float | None]] = {
    '<NormContinuous field="income"><LinearNorm orig="100" norm="0"/><LinearNorm orig="300" norm="1"/></NormContinuous>': [0, 0.5, 1],
    '<NormDiscrete field="housing" value="own"/>': [1, 0, 1],
    '<Discretize field="age" defaultValue="9"><DiscretizeBin binValue="1"><Interval closure="closedOpen" leftMargin="20"'
    ' rightMargin="40"/></DiscretizeBin></Discretize>': [1, 9, 9],
    '<MapValues outputColumn="out"><FieldColumnPair field="housing" column="in"/><InlineTable><row><in>own</in><out>4</out></row>'
    "<row><in>rent</in><out>7</out></row></InlineTable></MapValues>": [4, 7, 4],
    '<Apply function="if"><Apply function="greaterThan"><FieldRef field="age"/><Constant dataType="integer">30</Constant></Apply>'
    '<FieldRef field="income"/><Constant>-1</Constant></Apply>': [-1, 200, 300],
    '<Apply function="/"><Constant>1</Constant><Apply function="-"><FieldRef field="age"/><Constant>40</Constant></Apply></Apply>':
        [-0.05, None, 0.05],
    '<Apply function="twice"><FieldRef field="age"/></Apply>': [40, 80, 120],
    '<Apply function="max"><FieldRef field="age"/><Apply function="round"><Constant>33.5</Constant></Apply></Apply>': [34, 40, 60],
}  # fmt: skip


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_derived_fields_are_computed(expression: str) -> None:
    twice = """<DefineFunction name="twice" optype="continuous" dataType="double"><ParameterField name="x" dataType="double"/>
    <Apply function="*"><FieldRef field="x"/><Constant dataType="double">2</Constant></Apply></DefineFunction>"""
    made = f'<DerivedField name="new" optype="continuous" dataType="double">{expression}</DerivedField>'
    table = '<RegressionTable intercept="0"><NumericPredictor name="new" coefficient="1"/></RegressionTable>'
    content = pmml(regression(table), before=f"<TransformationDictionary>{twice}{made}</TransformationDictionary>")
    for row, expected in enumerate(EXPRESSIONS[expression]):
        only = {name: [values[row]] for name, values in ROWS.items()}
        if expected is None:
            with pytest.raises(Refused, match="no score"):
                scores(content, only)
        else:
            assert scores(content, only) == pytest.approx([expected])


def test_missing_and_extreme_values_are_treated_as_the_schema_says() -> None:
    treatment = 'missingValueReplacement="50" outliers="asExtremeValues" lowValue="0" highValue="250"'
    schema = f'<MiningSchema><MiningField name="income" {treatment}/>'
    content = pmml(regression(TABLE, schema + '<MiningField name="age"/><MiningField name="housing"/></MiningSchema>'))
    found = scores(content, {"income": [None, 900.0], "age": [0, 0], "housing": ["rent", "rent"]})
    assert found == pytest.approx([1 + 0.5, 1 + 2.5])


def test_arrays_hold_quoted_texts_with_blanks() -> None:
    assert items(Element("Array", {}, text=' "free place" own "a \\"b\\"" ')) == ["free place", "own", 'a "b"']


REFUSED: dict[str, tuple[bytes, str]] = {
    "entities": (pmml(regression(TABLE), head='<!DOCTYPE PMML [<!ENTITY x "y">]>'), "document type"),
    "another outermost element": (b"<html/>", "not PMML"),
    "another namespace": (pmml(regression(TABLE)).replace(b"dmg.org/PMML-4_4", b"example.org/x"), "namespace"),
    "version 3": (pmml(regression(TABLE)).replace(b'version="4.4"', b'version="3.2"'), "version 4"),
    "broken": (pmml(regression(TABLE))[:-9], "well-formed"),
    "two models": (pmml(regression(TABLE) * 2), "2 models"),
    "a network": (pmml(f'<NeuralNetwork functionName="regression">{SCHEMA}</NeuralNetwork>'), "NeuralNetwork"),
    "an unknown function": (pmml(regression(TABLE), before='<TransformationDictionary><DerivedField name="income2" dataType="double">'
        '<Apply function="erf"><FieldRef field="income"/></Apply></DerivedField></TransformationDictionary>')
        .replace(b'NumericPredictor name="income"', b'NumericPredictor name="income2"'), "erf"),
    "an unknown value": (pmml(regression(TABLE)).replace(b'"own"/>', b'"house"/>', 1), "does not know"),
    "an unknown join": (pmml(segments("selectAll", tree())), "selectAll"),
    "an unknown treatment": (pmml(tree(missingValueStrategy="aggregateNodes")), "aggregateNodes"),
    "a field nobody defines": (pmml(regression(TABLE.replace('name="age"', 'name="wealth"'))), "wealth"),
    "a column that is not there": (pmml(regression(TABLE, SCHEMA.replace("age", "years")),
        fields=FIELDS.replace('"age"', '"years"')), "years"),
    "no number": (pmml(regression(TABLE.replace('"0.01"', '"much"'))), "number"),
    "not scorable": (pmml(regression(TABLE, isScorable="false")), "cannot be scored"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_understood_is_refused_in_words(name: str) -> None:
    content, words = REFUSED[name]
    with pytest.raises(Refused, match=words):
        scores(content)


def test_depth_has_an_end() -> None:
    with pytest.raises(Refused, match="nested deeper"):
        read(pmml("<a>" * 500 + "</a>" * 500))


def test_what_tools_add_for_themselves_changes_nothing() -> None:
    extra = '<Extension name="x"><other xmlns="http://example.org">1</other></Extension>'
    assert scores(pmml(regression(extra + TABLE))) == scores(pmml(regression(TABLE)))


@settings(max_examples=60)
@given(st.data())
def test_a_damaged_file_gives_numbers_or_is_refused(data: st.DataObject) -> None:
    model = bytearray(pmml(regression(TABLE)))
    for _ in range(data.draw(st.integers(1, 3))):
        model[data.draw(st.integers(0, len(model) - 1))] = data.draw(st.integers(32, 126))
    try:
        assert all(isinstance(value, float) for value in scores(bytes(model)))
    except (Refused, ArithmeticError):
        pass


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.name)
def test_a_hostile_file_registered_as_pmml_is_refused_and_never_runs(
    path: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("HOSTILE_MARK", str(tmp_path / "mark"))
    with pytest.raises(artifacts.Refused):
        FileScorer(artifacts.read_model(path, "pmml"), path.name, format="pmml").predict({"a": [1.0]})
    assert not (tmp_path / "mark").exists()


def credit_pmml() -> bytes:
    """The tests' credit model as PMML: a sum kept between nothing and one."""
    fields = """<DataField name="income" optype="continuous" dataType="integer"/>
    <DataField name="duration" optype="continuous" dataType="integer"/>
    <DataField name="housing" optype="categorical" dataType="string"/>"""
    table = f"""<RegressionTable intercept="0.2"><NumericPredictor name="income" coefficient="{1 / 200}"/>
    <NumericPredictor name="duration" coefficient="{-1 / 300}"/><CategoricalPredictor name="housing" value="own" coefficient="0.15"/>
    </RegressionTable>"""
    schema = "".join(f'<MiningField name="{name}"/>' for name in FEATURES)
    kept = '<Targets><Target field="y" min="0" max="1"/></Targets>'
    return pmml(regression(kept + table, f"<MiningSchema>{schema}</MiningSchema>"), fields=fields)


def test_a_file_is_scored_in_a_process_of_its_own() -> None:
    rows = credit_rows(20)
    found = FileScorer(credit_pmml(), "model.pmml", format="pmml").predict(columns_of(rows))
    assert found == pytest.approx([score_of(row) for row in rows], abs=1e-9)


@pytest.mark.django_db
def test_pmml_and_endpoint_are_compared_row_by_row(credit: Any, data_root: Path) -> None:
    version = served_with_file(credit, data_root, credit_pmml(), format="pmml")
    run = measured(version, ["artifact_parity"])["artifact_parity"]
    assert run.state == "done", run.error
    found = {row["key"]: row["value"] for row in Evidence.objects.get().metrics}
    assert found["differing_rows"] == 0 and 0 <= found["largest_difference"] < 1e-9
