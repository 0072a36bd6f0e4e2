"""Regressions, trees, scorecards and what is made of them, one row at a time.

Read: RegressionModel, TreeModel, Scorecard, MiningModel with sums, means, votes, choices and chains. Everything else, and each
treatment that is not named here, raises Refused: a score that left something out would be worse than none.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import NormalDist, median
from typing import Any

from apps.evidence.inputs.pmml.expressions import (
    EXPRESSIONS,
    PREDICATES,
    Scope,
    Value,
    alike,
    holds,
    in_interval,
    inner_of,
    text_of,
    typed,
    value_of,
)
from apps.evidence.inputs.pmml.reading import Element, Refused, as_number

MODELS = ("RegressionModel", "TreeModel", "Scorecard", "MiningModel")
LINKS: dict[str, Callable[[float], float]] = {
    "none": lambda y: y,
    "logit": lambda y: 1 / (1 + math.exp(-y)) if y > -700 else 0.0,
    "probit": NormalDist().cdf,
    "cloglog": lambda y: 1 - math.exp(-math.exp(min(y, 700))),
    "loglog": lambda y: math.exp(-math.exp(min(-y, 700))),
    "cauchit": lambda y: 0.5 + math.atan(y) / math.pi,
    "exp": math.exp,
}


@dataclass
class Found:
    """What a model says of one row: a value, and for classes the share of each."""

    value: Value
    shares: dict[str, float] = field(default_factory=dict)


def run(model: Element, scope: Scope) -> Found:
    """What this model says; its own fields and treatments come first, its targets last."""
    if model.name not in MODELS:
        raise Refused(f"it holds a {model.name[:40]}, which is not read here")
    if model.said.get("isScorable") == "false":
        raise Refused("it says of itself that it cannot be scored")
    own = Scope(treated(model, scope), derived_in(model.first("LocalTransformations")), scope)
    return aimed(model, RUNNERS[model.name](model, own))


def derived_in(place: Element | None) -> dict[str, Element]:
    """The derived fields that a dictionary of transformations defines."""
    if place is None:
        return {}
    return {part.need("name"): part for part in place.all("DerivedField")}


def treated(model: Element, scope: Scope) -> dict[str, Value]:
    """Fields that the model's schema gives another value: missing ones replaced, outliers moved."""
    found: dict[str, Value] = {}
    schema = model.first("MiningSchema")
    for part in schema.all("MiningField") if schema is not None else []:
        if part.said.get("usageType", "active") not in {"active", "supplementary", "group", "order"}:
            continue
        name = part.need("name")
        value = before = scope.get(name)
        if isinstance(value, float) and part.said.get("outliers", "asIs") != "asIs":
            low, high = part.number("lowValue", -math.inf), part.number("highValue", math.inf)
            is_extreme = part.said["outliers"] == "asExtremeValues"
            value = min(max(value, low), high) if is_extreme else value if low <= value <= high else None
        if value is None:
            if part.said.get("missingValueTreatment") == "returnInvalid":
                raise Refused(f"{name[:40]} is missing in a row, and the model takes no row without it")
            if "missingValueReplacement" in part.said:
                value = part.said["missingValueReplacement"]
                value = as_number(value) if is_numeric(value) else value
        if value is not before:
            found[name] = value
    return found


def is_numeric(text: str) -> bool:
    """Whether a text is a number."""
    try:
        as_number(text)
    except Refused:
        return False
    return True


def aimed(model: Element, found: Found) -> Found:
    """The value as the model's target rescales and rounds it."""
    targets = model.first("Targets")
    target = targets.first("Target") if targets is not None else None
    if target is None or not isinstance(found.value, float):
        return found
    value = found.value * target.number("rescaleFactor", 1) + target.number("rescaleConstant", 0)
    value = min(max(value, target.number("min", -math.inf)), target.number("max", math.inf))
    casts: dict[str, Callable[[float], float]] = {
        "round": lambda y: math.floor(y + 0.5),
        "floor": math.floor,
        "ceiling": math.ceil,
    }
    cast = target.said.get("castInteger")
    return Found(float(casts[cast](value)) if cast in casts else value, found.shares)


# --- one model each ----------------------------------------------------------------------------------------------------


def _regression(model: Element, scope: Scope) -> Found:
    tables, link = model.all("RegressionTable"), model.said.get("normalizationMethod", "none")
    sums = [_sum(table, scope) for table in tables]
    if model.said.get("functionName") != "classification":
        if len(sums) != 1 or link not in {*LINKS, "softmax"}:
            raise Refused(
                f"a regression has {len(sums)} tables and the link {link[:30]}, which are not read together here"
            )
        value = sums[0]
        return Found(None if value is None else LINKS["logit" if link == "softmax" else link](value))
    names = [table.need("targetCategory") for table in tables]
    if link not in {"softmax", "simplemax"} and tables[-1].inner:
        raise Refused("the last class of a classification has coefficients of its own, which are not read here")
    if any(value is None for value in sums):
        return Found(None)
    shares = _class_shares([value for value in sums if value is not None], link)
    return _classed(dict(zip(names, shares, strict=True)))


def _class_shares(sums: list[float], link: str) -> list[float]:
    if link == "softmax":
        top = max(sums)
        powers = [math.exp(value - top) for value in sums]
        return [power / math.fsum(powers) for power in powers]
    if link == "simplemax":
        return [value / math.fsum(sums) for value in sums]
    if link not in LINKS or (link != "none" and len(sums) != 2):
        raise Refused(f"a classification of {len(sums)} classes has the link {link[:30]}, which is not read here")
    first = LINKS[link](sums[0])
    if link == "none":
        return [*sums[:-1], 1 - math.fsum(sums[:-1])]
    return [first, 1 - first]


def _classed(shares: dict[str, float]) -> Found:
    return Found(max(shares, key=lambda name: shares[name]) if shares else None, shares)


def _sum(table: Element, scope: Scope) -> float | None:
    total = [table.number("intercept", 0)]
    for part in table.inner:
        if part.name == "NumericPredictor":
            value = scope.get(part.need("name"))
            if value is None:
                return None
            total.append(part.number("coefficient") * float(value) ** part.number("exponent", 1))
        elif part.name == "CategoricalPredictor":
            value = scope.get(part.need("name"))
            if value is not None and value == scope.written(part.need("name"), part.need("value")):
                total.append(part.number("coefficient"))
        elif part.name == "PredictorTerm":
            values = [scope.get(field.need("field")) for field in part.all("FieldRef")]
            if None in values:
                return None
            total.append(part.number("coefficient") * math.prod(float(value) for value in values if value is not None))
        else:
            raise Refused(f"a regression holds {part.name[:40]}, which is not read here")
    return math.fsum(total)


def _tree(model: Element, scope: Scope) -> Found:
    missing = model.said.get("missingValueStrategy", "none")
    if missing not in {"none", "lastPrediction", "nullPrediction", "defaultChild"}:
        raise Refused(f"a tree treats missing values by {missing[:30]}, which is not read here")
    node = inner_of(model, ("Node",))
    if holds(inner_of(node, PREDICATES), scope) is not True:
        return Found(None)
    while children := node.all("Node"):
        chosen, is_open = _child(node, children, scope, missing)
        if chosen is None:
            no_child = model.said.get("noTrueChildStrategy", "returnNullPrediction")
            if (missing if is_open else no_child) not in {"lastPrediction", "returnLastPrediction"}:
                return Found(None)
            break
        node = chosen
    return _leaf(model, node)


def _child(node: Element, children: list[Element], scope: Scope, missing: str) -> tuple[Element | None, bool]:
    """The child to go to, and whether a missing value left it open."""
    for child in children:
        truth = holds(inner_of(child, PREDICATES), scope)
        if truth:
            return child, False
        if truth is None and missing != "none":
            if missing != "defaultChild":
                return None, True
            wanted = node.need("defaultChild")
            return next((other for other in children if other.said.get("id") == wanted), None), True
    return None, False


def _leaf(model: Element, node: Element) -> Found:
    if model.said.get("functionName") != "classification":
        return Found(node.number("score"))
    told = node.all("ScoreDistribution")
    if not told:
        name = node.need("score")
        return Found(name, {name: 1.0})
    weights = {row.need("value"): row.number("probability", row.number("recordCount")) for row in told}
    total = math.fsum(weights.values())
    shares = {name: weight / total if total else 0.0 for name, weight in weights.items()}
    return Found(node.said.get("score") or _classed(shares).value, shares)


def _scorecard(model: Element, scope: Scope) -> Found:
    total = [model.number("initialScore", 0)]
    for part in inner_of(model, ("Characteristics",)).all("Characteristic"):
        fitting = (row for row in part.all("Attribute") if holds(inner_of(row, PREDICATES), scope))
        row = next(fitting, None)
        if row is None:
            return Found(None)
        if (complex_score := row.first("ComplexPartialScore")) is not None:
            value = value_of(inner_of(complex_score, EXPRESSIONS), scope)
            if value is None:
                return Found(None)
            total.append(float(value))
        else:
            total.append(row.number("partialScore"))
    return Found(math.fsum(total))


def _mining(model: Element, scope: Scope) -> Found:
    parts = inner_of(model, ("Segmentation",))
    method, found = parts.need("multipleModelMethod"), []
    if method == "modelChain":
        return _chain(parts, scope)
    if method != "selectFirst" and method not in {*MEANS, *VOTES}:
        raise Refused(f"models are joined by {method[:30]}, which is not read here")
    for segment in parts.all("Segment"):
        if not holds(inner_of(segment, PREDICATES), scope):
            continue
        said = run(_model_in(segment), scope)
        if method == "selectFirst":
            return said
        if said.value is None:
            return Found(None)
        found.append((said, segment.number("weight", 1)))
    if not found:
        return Found(None)
    is_classes = model.said.get("functionName") == "classification"
    return VOTES[method](found) if is_classes and method in VOTES else _mean(method, found)


def _chain(parts: Element, scope: Scope) -> Found:
    """Each model after the other; what one puts out the next ones can ask for. The last one speaks."""
    own, said = Scope({}, {}, scope), Found(None)
    for segment in parts.all("Segment"):
        if holds(inner_of(segment, PREDICATES), own):
            model = _model_in(segment)
            said = run(model, own)
            own.values.update(put_out(model, said, own))
    return said


def put_out(model: Element, said: Found, scope: Scope) -> dict[str, Value]:
    """The output fields of a model. Kinds that say nothing about the score are left out."""
    found: dict[str, Value] = {}
    place = model.first("Output")
    for part in place.all("OutputField") if place is not None else []:
        kind, name = part.said.get("feature", "predictedValue"), part.need("name")
        if kind == "predictedValue":
            found[name] = typed(said.value, part.said.get("dataType", ""))
        elif kind == "probability":
            wanted = part.said.get("value", text_of(said.value))
            found[name] = said.shares.get(wanted)
        elif kind == "transformedValue":
            around = Scope(dict(found), {}, scope)
            found[name] = typed(value_of(inner_of(part, EXPRESSIONS), around), part.said.get("dataType", ""))
    return found


def _model_in(segment: Element) -> Element:
    found = [part for part in segment.inner if part.name not in PREDICATES and part.name != "VariableWeight"]
    if len(found) != 1 or segment.first("VariableWeight") is not None:
        raise Refused("a segment holds something that is not read here")
    return found[0]


def _mean(method: str, found: list[tuple[Found, float]]) -> Found:
    values = [(float(said.value), weight) for said, weight in found if said.value is not None and not said.shares]
    if len(values) != len(found):
        raise Refused(f"models of classes are joined by {method[:30]}, which is not read here")
    return Found(MEANS[method](values))


def _weighted_median(found: "Pairs") -> float:
    half, reached = math.fsum(weight for _, weight in found) / 2, 0.0
    for value, weight in found:
        reached += weight
        if reached >= half:
            return value
    return found[-1][0]


def _averaged(found: list[tuple[Found, float]]) -> Found:
    total = math.fsum(weight for _, weight in found)
    names = dict.fromkeys(name for said, _ in found for name in said.shares)
    return _classed({
        name: math.fsum(said.shares.get(name, 0.0) * weight for said, weight in found) / total for name in names
    })  # fmt: skip


def _voted(found: list[tuple[Found, float]]) -> Found:
    votes: dict[str, float] = {}
    for said, weight in found:
        votes[text_of(said.value)] = votes.get(text_of(said.value), 0.0) + weight
    total = math.fsum(votes.values())
    return _classed({name: count / total for name, count in votes.items()})


def _unweighted(found: list[tuple[Found, float]]) -> list[tuple[Found, float]]:
    return [(said, 1.0) for said, _ in found]


Pairs = list[tuple[float, float]]
MEANS: Mapping[str, Callable[[Pairs], float]] = {
    "sum": lambda found: math.fsum(value for value, _ in found),
    "average": lambda found: math.fsum(value for value, _ in found) / len(found),
    "weightedAverage": lambda found: (
        math.fsum(value * weight for value, weight in found) / math.fsum(weight for _, weight in found)
    ),
    "weightedSum": lambda found: math.fsum(value * weight for value, weight in found),
    "x-weightedSum": lambda found: math.fsum(value * weight for value, weight in found),
    "median": lambda found: median(value for value, _ in found),
    "weightedMedian": lambda found: _weighted_median(sorted(found)),
    "max": lambda found: max(value for value, _ in found),
}
VOTES: Mapping[str, Callable[[Any], Found]] = {
    "average": lambda found: _averaged(_unweighted(found)),
    "weightedAverage": _averaged,
    "majorityVote": lambda found: _voted(_unweighted(found)),
    "weightedMajorityVote": _voted,
}
RUNNERS: Mapping[str, Callable[[Element, Scope], Found]] = {
    "RegressionModel": _regression, "TreeModel": _tree, "Scorecard": _scorecard, "MiningModel": _mining,
}  # fmt: skip


# --- the whole file ----------------------------------------------------------------------------------------------------


def inputs_of(top: Element) -> dict[str, Element]:
    """The fields of the data dictionary by name."""
    return {part.need("name"): part for part in inner_of(top, ("DataDictionary",)).all("DataField")}


def given(fields: Mapping[str, Element], row: Mapping[str, Any]) -> dict[str, Value]:
    """The values of one row as the dictionary has them. Raises Refused for a value that it does not know."""
    found: dict[str, Value] = dict.fromkeys(fields)
    for name, part in fields.items():
        if name not in row or row[name] is None:
            continue
        raw = row[name]
        value = typed(float(raw) if isinstance(raw, int) and not isinstance(raw, bool) else raw, part.need("dataType"))
        known = [item for item in part.all("Value") if item.said.get("property", "valid") == "valid"]
        gone = [item for item in part.all("Value") if item.said.get("property") == "missing"]
        if any(value == alike(value, item.need("value")) for item in gone):
            continue
        spans = part.all("Interval")
        is_known = not known or any(value == alike(value, item.need("value")) for item in known)
        if not is_known or (spans and not any(in_interval(float(value), span) for span in spans if value is not None)):
            raise Refused(f"{name[:40]} has a value that the model does not know")
        found[name] = value
    return found
