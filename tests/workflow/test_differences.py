"""Differences in sentences: for who read an older page, and for an approval that aged. Pure, so Hypothesis may play."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.workflow.differences import policy_effect, since_approval, what_changed

FACTS = {
    "state": "active",
    "terms": "",
    "permitted_purposes": ["credit"],
    "terms_end_on": "",
    "lawful_basis": "",
    "columns": {},
}
STEP = {"title": "Validate", "role": "validator", "kind": "validation", "quorum": 1, "always": True}


def content() -> dict[str, Any]:
    return {
        "artifact": {"name": "sha256:aa", "digest": "sha256:bb"},
        "tier": 2,
        "environment": "production",
        "policy": {"name": "Credit 4", "digest": "sha256:p4"},
        "process": {"name": "Tier 2, version 1", "digest": "sha256:q1", "steps": [STEP]},
        "evidence": [{"id": "e1", "title": "Fairness", "digest": "sha256:e1", "source": "computed"}],
        "data": [{"id": "d1", "name": "applications", "facts": copy.deepcopy(FACTS)}],
        "waivers": [
            {"id": "w1", "name": "W-1", "requirement": "HOUSE-AUC", "title": "Performance", "ends_on": "2027-01-01"}
        ],
        "findings": [{"id": "f1", "name": "F-1", "title": "Small", "severity": "high", "state": "raised"}],
        "requirements": [
            {"id": "R1", "title": "Fairness ratio", "outcome": "satisfied", "is_blocking": False, "waiver": ""}
        ],
        "comments": [],
        "signatures": [],
        "round": 1,
        "on_policy_change": "judge again",
    }


def codes(changes: list[Any]) -> list[str]:
    return [change.code for change in changes]


def test_equal_contents_do_not_differ() -> None:
    assert what_changed(content(), content()) == []
    assert since_approval(content(), content()) == []


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (lambda now: now["evidence"].clear(), "EVIDENCE_GONE", "Evidence Fairness is no longer there."),
        (
            lambda now: now["comments"].append({"id": "c", "name": "Q-4", "digest": "x"}),
            "COMMENTS_ADDED",
            "Comment Q-4 was added.",
        ),
        (lambda now: now["requirements"][0].update(outcome="open"), "REQUIREMENTS_CHANGED", "from satisfied to open"),
        (
            lambda now: now.update(policy={"name": "Credit 5", "digest": "x"}),
            "POLICY_CHANGED",
            "Credit 4 became Credit 5",
        ),
        (lambda now: now["findings"][0].update(state="answered"), "FINDINGS_CHANGED", "from raised to answered"),
        (lambda now: now["evidence"][0].update(digest="other"), "EVIDENCE_CHANGED", "from sha256:e1 to other"),
        (lambda now: now["data"][0]["facts"].update(state="faulty"), "DATA_CHANGED", "in its content"),
    ],
)
def test_a_reader_is_told_what_became_of_what_they_read(change: Any, code: str, words: str) -> None:
    now = content()
    change(now)
    changes = what_changed(content(), now)
    assert codes(changes) == [code]
    assert words in changes[0].sentence


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda now: now["artifact"].update(digest="other"), "ARTIFACT_CHANGED"),
        (lambda now: now.update(tier=1), "TIER_CHANGED"),
        (lambda now: now["evidence"].clear(), "EVIDENCE_CHANGED"),
        (lambda now: now["data"].clear(), "DATA_GONE"),
        (lambda now: now["data"].append({"id": "d2", "name": "bureau", "facts": FACTS}), "DATA_ADDED"),
        (lambda now: now["data"][0]["facts"].update(columns={"age": "personal"}), "DATA_CHANGED"),
        (lambda now: now["waivers"].clear(), "WAIVER_ENDED"),
        (lambda now: now["findings"].append({"id": "f2", "name": "F-2", "severity": "critical", "state": "raised"}), "FINDING_RAISED"),
        (lambda now: now["process"].update(steps=[STEP, {**STEP, "kind": "review", "role": "security"}]), "PROCESS_CHANGED"),
        (lambda now: now["process"].update(steps=[{**STEP, "quorum": 2}]), "PROCESS_CHANGED"),
    ],
)  # fmt: skip
def test_what_an_approval_relied_on_may_not_change(change: Any, code: str) -> None:
    now = content()
    change(now)
    assert codes(since_approval(content(), now)) == [code]


@pytest.mark.parametrize(
    "change",
    [
        lambda now: now["evidence"].append({"id": "e2", "title": "Drift", "digest": "sha256:e2", "source": "computed"}),
        lambda now: now["findings"].clear(),
        lambda now: now["findings"].append({"id": "f2", "name": "F-2", "severity": "low", "state": "raised"}),
        lambda now: now["waivers"].append(
            {"id": "w2", "name": "W-2", "requirement": "R9", "title": "x", "ends_on": "2027-01-01"}
        ),
        lambda now: now["waivers"][0].update(id="w2"),  # extended: another waiver covers the same requirement
        lambda now: now.update(waivers=[], now_met=["HOUSE-AUC"]),  # the requirement is met without one
        lambda now: now.update(policy={"name": "Credit 5", "digest": "x"}),  # judged again, see policy_effect
        lambda now: now["process"].update(digest="other", steps=[STEP, {**STEP, "kind": "review", "always": False}]),
    ],
)
def test_what_comes_on_top_does_not_end_an_approval(change: Any) -> None:
    now = content()
    change(now)
    assert since_approval(content(), now) == []


def test_a_tier_may_ask_for_a_new_approval_with_any_new_policy() -> None:
    frozen, now = content(), content()
    frozen["on_policy_change"] = "approve again"
    now["policy"] = {"name": "Credit 5", "digest": "x"}
    assert codes(since_approval(frozen, now)) == ["POLICY_CHANGED"]


def test_a_new_policy_ends_an_approval_only_where_a_requirement_does_not_hold() -> None:
    frozen = content()["requirements"]
    stricter = [{**frozen[0], "outcome": "open", "is_blocking": True}]
    asks_more = [
        *frozen,
        {"id": "R2", "title": "Board report", "outcome": "missing", "is_blocking": True, "waiver": ""},
    ]
    assert policy_effect(frozen, frozen) == []
    assert "satisfied" in policy_effect(frozen, stricter)[0].sentence
    assert "not asked" in policy_effect(frozen, asks_more)[0].sentence
    assert policy_effect(stricter, stricter) == []  # it was so at approval, and approvers saw it


@given(
    st.lists(st.fixed_dictionaries({"id": st.text(max_size=3), "digest": st.text(max_size=3), "title": st.text(max_size=3)}), max_size=5),
    st.lists(st.fixed_dictionaries({"id": st.text(max_size=3), "digest": st.text(max_size=3), "title": st.text(max_size=3)}), max_size=5),
)  # fmt: skip
def test_two_lists_differ_exactly_when_a_difference_is_told(one: list[Any], other: list[Any]) -> None:
    one, other = list({row["id"]: row for row in one}.values()), list({row["id"]: row for row in other}.values())
    same = {row["id"]: row for row in one} == {row["id"]: row for row in other}
    changes = what_changed({"evidence": one}, {"evidence": other})
    assert (changes == []) == same
    assert all(change.sentence.endswith(".") for change in changes)
