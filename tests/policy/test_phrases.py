"""Conditions in words: everything that ships has them, what they say keeps its meaning, and the rest stays as written."""

import re

import pytest
import yaml

from apps.policy import packs, phrases, wording

CODE = re.compile(r"&&|\|\||[!<>=]=|!|\b[a-z]+\.[a-z_]|[a-z]_[a-z]|\be\.")


def requirements_that_ship():
    for path in packs.framework_files():
        yield from yaml.safe_load(path.read_text("utf-8"))["requirements"]


def test_every_condition_that_ships_reads_without_code():
    texts = {row["applies_when"] for row in requirements_that_ship()} - {"true"}
    said = {text: phrases.said(text) for text in texts}
    assert {text: words for text, words in said.items() if not words or CODE.search(words)} == {}


def test_everything_that_evidence_has_to_say_reads_without_code():
    texts = {item["pass"] for row in requirements_that_ship() for item in row["evidence"]}
    said = {text: wording.needed([text]) for text in texts} | {text: wording.condition(text) for text in texts}
    assert {text: words for text, words in said.items() if CODE.search(words)} == {}


def test_a_field_is_called_as_its_evidence_type_declares():
    assert wording.condition("e.ba == 'no'") == "Article 5(1)(ba), intimate imagery without consent: no"
    assert wording.condition("e.open_critical == 0") == "critical findings open 0"
    assert wording.condition("!e.signed") == "signed: no"
    assert wording.condition("e.method == 'expert'") == "method: expert"


def test_every_fact_of_the_catalogue_has_words():
    yes_or_no = {name for name, kind in packs.fact_types().items() if kind == "bool"}
    assert yes_or_no == set(phrases.CLAUSES)
    assert set(packs.fact_types()) - yes_or_no <= set(phrases.NOUNS)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("data.personal", "personal data are used"),
        ("!data.personal", "personal data are not used"),
        ("'EU' in org.jurisdictions && model.tier <= 2", "the jurisdictions include the EU and the tier is 1 or 2"),
        ("!('2' in eu.annex_iii_point)", "the points of Annex III do not include 2"),
        ("!(model.tier >= 3)", "the tier is less than 3"),
        ("model.trained && (model.vendor || model.genai)",
         "the model is trained on data; and either the model comes from outside or the model is generative"),
        ("model.trained && model.vendor || model.genai",
         "the model is trained on data and the model comes from outside, or the model is generative"),
        ("model.state in ['suspended', 'retired']", "the state of the model is suspended or retired"),
        ("e.gdpr_statement", "GDPR statement"),
    ],
)  # fmt: skip
def test_a_condition_is_said_with_its_meaning(text, words):
    assert phrases.said(text) == words


@pytest.mark.parametrize(
    "text", ["", "true", "!(a && b)", "size(org.jurisdictions) > 1", "a ? b : c", "a &&", "model.tier <= x"]
)
def test_what_has_no_words_gets_none_instead_of_wrong_ones(text):
    assert phrases.said(text) == ""
