"""Process definitions: the shipped file, what may not be published, and the arithmetic of dates."""

import copy
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from apps.workflow import processes

FILE = Path(__file__).parents[2] / "fixtures" / "processes" / "process.yaml"
ROLES = {
    "developer", "model_owner", "validator", "reviewer", "privacy_officer", "compliance", "security", "head_of_model_risk",
    "risk_committee", "accountable_executive", "administrator", "auditor", "service",
}  # fmt: skip


@pytest.fixture
def shipped() -> dict[int, dict[str, Any]]:
    body = yaml.safe_load(FILE.read_text())
    return {tier["tier"]: tier for tier in body["tiers"]}


def test_the_shipped_processes_may_be_published(shipped: dict[int, dict[str, Any]]) -> None:
    assert sorted(shipped) == [1, 2, 3, 4]
    for body in shipped.values():
        processes.check_tier(body, ROLES)


def test_tier_one_has_seven_steps_with_a_committee_and_an_executive(shipped: dict[int, dict[str, Any]]) -> None:
    plans = processes.step_plans(shipped[1])
    assert [plan.key for plan in plans][-2:] == ["committee", "executive"]
    assert len(plans) == 7
    assert plans[5].quorum == 3


def test_tier_four_passes_in_one_step(shipped: dict[int, dict[str, Any]]) -> None:
    assert len(processes.step_plans(shipped[4])) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda body: body["steps"][1].update(independence=[]), "never validate or approve"),
        (lambda body: body["steps"][-1].update(role="model_owner"), "model owner alone"),
        (lambda body: body["steps"][-1].update(role="administrator"), "cannot sign"),
        (lambda body: body["steps"][-1].update(role="service"), "cannot sign"),
        (lambda body: body["steps"][0].update(quorum=0), "quorum"),
        (lambda body: body["steps"][0].update(independence=["not_on_mondays"]), "unknown rule"),
        (lambda body: body["steps"][0].update(kind="blessing"), "kind"),
        (lambda body: body.update(steps=[]), "no step"),
        (lambda body: body["steps"].append(dict(body["steps"][0])), "twice"),
        (lambda body: body.pop("approval_valid_months"), "lacks"),
        (lambda body: body.update(on_policy_change="whatever"), "on_policy_change"),
    ],
)
def test_a_definition_that_voids_four_eyes_is_refused(
    shipped: dict[int, dict[str, Any]], change: Any, words: str
) -> None:
    body = copy.deepcopy(shipped[2])
    change(body)
    with pytest.raises(processes.InvalidProcess, match=words):
        processes.check_tier(body, ROLES)


def test_four_eyes_need_a_step_that_always_applies(shipped: dict[int, dict[str, Any]]) -> None:
    body = copy.deepcopy(shipped[3])
    body["steps"][1]["when"] = "data.personal"
    with pytest.raises(processes.InvalidProcess, match="four eyes"):
        processes.check_tier(body, ROLES)


def test_the_last_step_always_approves() -> None:
    assert processes.meanings_for("review", is_last=True) == ("approved", "rejected")
    assert processes.meanings_for("attest", is_last=False)[0] == "responsible"
    assert all("rejected" in processes.meanings_for(kind, is_last=False) for kind in processes.KINDS)


def test_working_days_leave_out_weekends() -> None:
    friday = date(2026, 11, 6)
    assert processes.working_day_after(friday, 1) == date(2026, 11, 9)
    assert processes.working_day_after(friday, 5) == date(2026, 11, 13)
    assert processes.working_days_between(friday, date(2026, 11, 13)) == 5
    assert processes.working_days_between(friday, friday) == 0


def test_an_approval_ends_at_the_end_of_its_last_day_also_in_short_months() -> None:
    assert processes.months_after(datetime(2026, 8, 31, 9, tzinfo=UTC), 6) == datetime(
        2027, 2, 28, 23, 59, 59, tzinfo=UTC
    )
    assert processes.months_after(datetime(2026, 11, 4, tzinfo=UTC), 18) == datetime(2028, 5, 4, 23, 59, 59, tzinfo=UTC)


def test_a_step_gets_its_share_of_the_days_that_are_left() -> None:
    monday = date(2026, 11, 2)
    review_due = processes.working_day_after(monday, 20)
    assert processes.step_due_on(monday, review_due, 5) == processes.working_day_after(monday, 4)
    assert processes.step_due_on(review_due, review_due, 2) == processes.working_day_after(review_due, 1)
