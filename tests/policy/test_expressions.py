"""Expressions: only a BOOL that is true lets anything pass."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.policy import expressions
from apps.policy.expressions import InvalidExpression, Truth

NAMES = {
    "use.affects_persons": "bool",
    "use.domain": "enum",
    "org.jurisdictions": "list",
    "org.assets": "number",
    "e.text": "str",
}


def truth(text, facts):
    return expressions.evaluate(expressions.compile(text, NAMES), facts)


def test_error_values_of_the_engine_are_truthy_and_never_true():
    compiled = expressions.compile("org.assets >= 30", NAMES)
    raw = compiled.program.eval(data={"org.assets": "a text"})
    assert bool(raw), "the trap this module exists for: the engine's error value is truthy"
    assert expressions.evaluate(compiled, {"org": {"assets": "a text"}}) is Truth.ERROR


def test_missing_fact_is_unknown_and_named():
    verdict = expressions.explain(expressions.compile("use.affects_persons && use.domain == 'credit'", NAMES), {})
    assert verdict.truth is Truth.UNKNOWN
    assert verdict.missing == ("use.affects_persons", "use.domain")


def test_missing_fact_is_absorbed_only_where_the_other_side_decides():
    assert truth("use.affects_persons && false", {}) is Truth.FALSE
    assert truth("use.affects_persons || true", {}) is Truth.TRUE
    assert truth("!use.affects_persons", {}) is Truth.UNKNOWN


def test_nested_and_flat_facts_read_the_same():
    text = "'EU' in org.jurisdictions && use.affects_persons"
    flat = {"org.jurisdictions": ["EU"], "use.affects_persons": True}
    assert truth(text, flat) is Truth.TRUE
    assert truth(text, expressions.nest(flat)) is Truth.TRUE
    assert expressions.flatten(expressions.nest(flat)) == flat


@pytest.mark.parametrize("text", ["use.afects_persons", "nothing", "use.domain", "'a'", "1 +", "org.jurisdictions"])
def test_typos_and_answers_that_are_not_yes_or_no_do_not_compile(text):
    with pytest.raises(InvalidExpression):
        expressions.compile(text, NAMES)


def test_overlong_expression_does_not_compile():
    with pytest.raises(InvalidExpression, match="at most"):
        expressions.compile(" || ".join(["use.affects_persons"] * 200), NAMES)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (float("nan"), "finite"), (float("inf"), "finite"), (2**63, "large"), ("x" * 5_000, "long"), ("\ud800", "valid text"),
        ([1] * 1_001, "many"), ([[1]], "inside"), ({"a": 1}, "dict"), (b"x", "bytes"),
    ],
)  # fmt: skip
def test_odd_values_never_reach_the_engine(value, words):
    verdict = expressions.explain(expressions.compile("org.assets == 1", NAMES), {"org.assets": value})
    assert verdict.truth is Truth.ERROR
    assert words in verdict.error


def test_value_of_another_type_is_an_error_not_an_answer():
    assert truth("use.affects_persons", {"use.affects_persons": "yes"}) is Truth.ERROR
    assert truth("use.affects_persons", {"use.affects_persons": 1}) is Truth.ERROR
    assert truth("'EU' in org.jurisdictions", {"org.jurisdictions": "EU"}) is Truth.ERROR


def test_result_that_is_not_bool_is_an_error_even_when_truthy():
    compiled = expressions.compile("e.text", {"e.text": "str"})
    assert expressions.evaluate(compiled, {"e.text": "true"}) is Truth.ERROR
    assert expressions.evaluate(compiled, {"e.text": 1}) is Truth.ERROR
    assert expressions.evaluate(compiled, {"e.text": True}) is Truth.TRUE


def test_endless_work_is_an_error():
    text = (
        "[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, "
        "[1,2,3,4,5,6,7,8,9,10].all(d, [1,2,3,4,5,6,7,8,9,10].all(f, use.affects_persons)))))"
    )
    assert truth(text, {"use.affects_persons": True}) is Truth.ERROR


def test_names_inside_strings_are_not_names():
    assert expressions.names_in("use.domain == 'use.other' && e.text != \"a.b\"") == ["use.domain", "e.text"]


def test_compiled_expressions_refuse_to_be_stored():
    import pickle

    with pytest.raises(TypeError):
        pickle.dumps(expressions.compile("use.affects_persons", NAMES))


LEAVES = st.sampled_from(
    ["use.affects_persons", "use.domain == 'credit'", "'EU' in org.jurisdictions", "org.assets >= 30"]
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(lambda text: f"!({text})"),
        st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(
            lambda parts: f"({parts[0]}) {parts[1]} ({parts[2]})"
        ),
    ),
    max_leaves=6,
)
FACTS = st.fixed_dictionaries({
    "use.affects_persons": st.booleans(), "use.domain": st.sampled_from(["credit", "fraud"]),
    "org.jurisdictions": st.lists(st.sampled_from(["EU", "US"]), max_size=2), "org.assets": st.integers(0, 60),
})  # fmt: skip


@given(TREES, FACTS, st.sets(st.sampled_from(sorted(NAMES))))
def test_taking_facts_away_never_changes_an_answer_only_withholds_it(text, facts, taken):
    fewer = {name: value for name, value in facts.items() if name not in taken}
    partial, full = truth(text, fewer), truth(text, facts)
    assert partial in (full, Truth.UNKNOWN)
