"""Expressions as people say them: what a condition over facts and fields means, and what a fact is called. Pure: no Django."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

#: Facts that are answered with yes or no, as the clause that a yes makes true.
CLAUSES = {
    "org.public_service": "the organisation provides public services",
    "org.financial_institution_eu": "EU financial-services law governs the organisation",
    "org.uk_internal_model": "the PRA approved it as an internal model",
    "model.is_ai_system": "the model is an AI system",
    "model.is_quantitative_model": "the model is a quantitative model",
    "model.material_deterministic": "its rules weigh on decisions",
    "model.trained": "the model is trained on data",
    "model.genai": "the model is generative",
    "model.agentic": "the model acts through tools",
    "model.vendor": "the model comes from outside",
    "model.pretrained_component": "a pretrained component is used",
    "model.continual_learning": "the model learns in production",
    "use.affects_persons": "the output concerns people",
    "use.profiling": "people are profiled",
    "use.solely_automated": "decisions are taken without a person",
    "use.significant_effect": "the effect on people is significant",
    "use.interacts_with_persons": "people interact with it",
    "use.synthetic_content": "it produces synthetic content",
    "use.deepfake_or_public_text": "it publishes deep fakes or texts of public interest",
    "use.emotion_or_biometric_categorisation": "it infers emotions or sorts by biometric traits",
    "use.remote_biometric_identification": "it identifies people from afar",
    "use.workplace": "it is used on workers or candidates",
    "use.vulnerable_groups": "vulnerable groups may be affected",
    "data.personal": "personal data are used",
    "data.from_subject": "the data come from the people themselves",
    "data.special_category": "special-category data are used",
    "data.special_for_bias": "special-category data are used against bias only",
    "data.large_scale": "the processing is large-scale",
    "data.phi": "US health information is used",
    "data.deidentified_claim": "the data are claimed to be de-identified",
    "data.cross_border": "personal data leave the EEA or the UK",
    "eu.substantial_modification": "the version is a substantial modification",
    "uk.in_scope_ss123": "SS1/23 covers the model",
    "us.mrm_in_scope": "SR 26-2 or the bank's own policy covers the model",
    "us.creditor": "the organisation is a creditor under Regulation B",
    "us.credit_scoring_system": "applicants' creditworthiness is scored",
    "us.consumer_report_used": "a consumer report is used",
    "us.employer_selection": "it selects people for jobs",
    "us.hipaa_covered": "HIPAA covers the organisation",
    "us.part11": "records are electronic under FDA rules",
    "nyc.aedt": "it is an employment decision tool in New York City",
    "ca.business": "the CCPA covers the business",
    "ca.admt_significant": "a significant decision about a Californian rests on it",
    "ca.risk_assessment_trigger": "a trigger of section 7150 is met",
    "ca.trains_admt": "personal information trains such a technology",
}
#: The other facts, and measured names that conditions read, as nouns.
NOUNS = {
    "org.sector": "the sector",
    "org.jurisdictions": "the jurisdictions",
    "org.size": "the size of the organisation",
    "org.total_assets_usd_bn": "total assets in billions of US dollars",
    "model.tier": "the tier",
    "model.state": "the state of the model",
    "use.domain": "the domain of decisions",
    "use.automation": "the role of people",
    "eu.ai_class": "the AI Act class",
    "eu.annex_iii_point": "the points of Annex III",
    "eu.roles": "the roles of the organisation",
    "nyc.output": "the output of the tool",
    "kpi.with_baseline": "the number of targets with a baseline",
    "version.output_kind": "the kind of output",
    "age_days": "the age in days",
}
DENIED = {"data.from_subject": "the data do not come from the people themselves"}
VALUES = {
    "EU": "the EU",
    "UK": "the UK",
    "US": "the US",
    "US-NYC": "New York City",
    "US-CA": "California",
    "US-CO": "Colorado",
    "high_risk_annex_i": "high risk by Annex I",
    "high_risk_annex_iii": "high risk by Annex III",
    "sme": "small or medium",
    "smc": "small mid-cap",
    "aml": "money laundering",
    "public_body": "public body",
    "life_health_insurance": "life or health insurance",
    "human_decides_with_score": "a person decides, with a score",
    "human_reviews_exceptions": "a person reviews exceptions",
    "select_or_classify": "a selection or a class",
    "capital_or_financial_reporting": "capital or financial reporting",
    "not_high_risk": "not high risk",
    "derogated": "high risk by Annex III, with a derogation",
}
ACRONYMS = {"adm", "ai", "ci", "dpo", "fda", "gdpr", "qms", "rbi"}
_TOKEN = re.compile(r"\s*(&&|\|\||==|!=|>=|<=|[!<>()\[\],]|'[^']*'|-?\d+(?:\.\d+)?|[A-Za-z_]\w*(?:\.\w+)*)")
_RELATIONS = {
    "==": "is",
    "!=": "is not",
    ">=": "is at least",
    "<=": "is at most",
    ">": "is more than",
    "<": "is less than",
}
_OPPOSITES = {"==": "!=", "!=": "==", ">=": "<", "<=": ">", ">": "<=", "<": ">="}
_NEGATABLE = re.compile(r" (is|are|may be)( |$)")


class _NoWords(ValueError):
    """The expression is not one of those that have words."""


def said(text: str) -> str:
    """A condition as a clause: "the jurisdictions include the EU and personal data are used". '' where there are no words."""
    try:
        reader = _Reader(text)
        words = reader.alternatives()
        return words if reader.is_done else ""
    except ValueError:
        return ""


def called(name: str) -> str:
    """What a fact is called where its value follows: "personal data are used: no"."""
    return CLAUSES.get(name) or NOUNS.get(name) or plain(name)


def value(given: Any) -> str:
    """A value of a fact as people read it."""
    if given is None:
        return "not answered"
    if isinstance(given, bool):
        return "yes" if given else "no"
    if isinstance(given, list | tuple):
        return ", ".join(map(value, given)) or "none"
    if isinstance(given, float):
        return f"{given:g}"
    return VALUES.get(str(given)) or str(given).replace("_", " ")


def asked(names: Iterable[str], questions: Mapping[str, str]) -> list[str]:
    """The questions that stand behind these facts, in quotation marks."""
    return [f"“{questions.get(name) or called(name)}”" for name in names]


def joined(parts: list[str], word: str) -> str:
    """A, B and C; or A, B or C."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {word} {parts[-1]}"


def plain(name: str) -> str:
    """A field or fact name without its code form: `open_critical` reads "open critical", `dpo_advice` "DPO advice"."""
    parts = name.removeprefix("e.").replace(".", "_").split("_")
    numbered = zip(["", *parts], parts, strict=False)
    return " ".join(
        part.upper() if part in ACRONYMS or (before == "annex" and set(part) <= set("ivx")) else part
        for before, part in numbered
    )


def _negated(clause: str) -> str:
    """The clause with its verb denied where it is a form of to be; else denied as a whole."""
    if _NEGATABLE.search(clause):
        return _NEGATABLE.sub(lambda found: f" {found[1]} not{found[2]}", clause, count=1)
    return f"it is not so that {clause}"


def _included(name: str, member: str, is_denied: bool) -> str:
    """That a list holds a value; a role is what the organisation is."""
    if name == "eu.roles":
        return f"the organisation is {'not ' if is_denied else ''}the {member}"
    return f"{called(name)} {'do not include' if is_denied else 'include'} {member}"


def _any_of(values: list[str]) -> str:
    """One of these values; both kinds of high risk are high risk."""
    both = {VALUES["high_risk_annex_i"], VALUES["high_risk_annex_iii"]}
    return "high risk" if set(values) == both else joined(values, "or")


class _Reader:
    """One expression, read once from left to right: alternatives of conditions of single terms."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        at = 0
        while at < len(text.rstrip()):
            found = _TOKEN.match(text, at)
            if found is None:
                raise _NoWords(text)
            self.tokens.append(found[1])
            at = found.end()

    @property
    def is_done(self) -> bool:
        """Whether everything was read."""
        return not self.tokens

    def _next(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def _take(self, expected: str = "") -> str:
        if not self.tokens or (expected and self.tokens[0] != expected):
            raise _NoWords(expected)
        return self.tokens.pop(0)

    def alternatives(self, *, is_inside: bool = False) -> str:
        """Conditions of which one is enough."""
        parts = [self._all()]
        while self._next() == "||":
            self._take()
            parts.append(self._all())
        if len(parts) == 1:
            return parts[0]
        is_long = any(" and " in part for part in parts)
        words = ", or ".join(parts) if is_long else joined(parts, "or")
        return f"either {words}" if is_inside else words

    def _all(self) -> str:
        parts = [self._term()]
        while self._next() == "&&":
            self._take()
            parts.append(self._term())
        if len(parts) > 1 and any(part.startswith("either ") for part in parts):
            return f"{'; '.join(parts[:-1])}; and {parts[-1]}"
        return joined(parts, "and")

    def _term(self, *, is_denied: bool = False) -> str:
        token = self._take()
        if token == "!":
            return self._term(is_denied=not is_denied)
        if token == "(":
            return self._group(is_denied)
        if token.startswith("'"):
            self._take("in")
            return _included(self._take(), value(token.strip(chr(39))), is_denied)
        if self._next() == "in":
            self._take()
            return f"{called(token)} {'is not' if is_denied else 'is'} {_any_of(self._values())}"
        if self._next() in _RELATIONS:
            sign = self._take()
            return self._comparison(token, _OPPOSITES[sign] if is_denied else sign)
        return self._answer(token, is_denied)

    def _group(self, is_denied: bool) -> str:
        words = self._term(is_denied=True) if is_denied else self.alternatives(is_inside=True)
        self._take(")")  # what is denied and more than one term has no words
        return words

    def _values(self) -> list[str]:
        self._take("[")
        found = [value(self._take().strip("'"))]
        while self._next() == ",":
            self._take()
            found.append(value(self._take().strip("'")))
        self._take("]")
        return found

    def _comparison(self, name: str, sign: str) -> str:
        right = self._take()
        if name == "model.tier" and sign == "<=":
            return f"the tier is {joined([str(tier) for tier in range(1, int(right) + 1)], 'or')}"
        if right == "null":
            return f"{called(name)} is {'not given' if sign == '==' else 'given'}"
        return f"{called(name)} {_RELATIONS[sign]} {value(right.strip(chr(39)))}"

    def _answer(self, name: str, is_denied: bool) -> str:
        if name in ("in", "true", "false", ")", "]", "&&", "||", ",") or name in _RELATIONS:
            raise _NoWords(name)
        if name in CLAUSES:
            return DENIED.get(name) or _negated(CLAUSES[name]) if is_denied else CLAUSES[name]
        return f"{'no ' if is_denied else ''}{plain(name)}"
