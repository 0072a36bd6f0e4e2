"""Frameworks and policies: loaded once, changed by one and put in force by another, never rewritten."""

from datetime import timedelta

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.audit import queries as audit
from apps.core.errors import Invalid, NotAllowed, WrongState
from apps.policy import packs, queries, services
from apps.policy.models import Framework, Publication
from apps.policy.services import policies
from tests import factories as make

pytestmark = pytest.mark.django_db
WHY = "The board adopted it for all tiers."


def test_commands_load_and_load_again(capsys):
    call_command("load_packs")
    call_command("load_packs")
    call_command("load_frameworks")
    out = capsys.readouterr().out
    assert "10 frameworks in the library, 8 policy versions published." in out
    assert "10 frameworks in the library, 0 policy versions published." in out


def test_changed_text_under_the_same_library_version_is_refused(loaded, tmp_path):
    body = yaml.safe_load(packs.framework_files()[0].read_text("utf-8"))
    body["requirements"][0]["title"] = "Another title"
    path = tmp_path / "changed.yaml"
    path.write_text(yaml.safe_dump(body), "utf-8")
    with pytest.raises(CommandError, match="library_version"):
        call_command("load_frameworks", str(path))
    body["framework"]["library_version"] += 1
    path.write_text(yaml.safe_dump(body), "utf-8")
    call_command("load_frameworks", str(path))
    assert Framework.objects.filter(slug=body["framework"]["id"]).count() == 2


def test_broken_pack_leaves_nothing_behind(tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("framework: {id: broken}", "utf-8")
    with pytest.raises(CommandError):
        call_command("load_frameworks", str(path))
    assert not Framework.objects.exists()


def test_adopting_a_framework_publishes_the_policies_anew_and_moves_their_epochs(loaded):
    risk, other = make.person("risk_officer"), make.person("compliance")
    before = queries.policies_in_force()
    subjects = [version.policy.subject for version in before.values()]
    epochs = audit.epochs(subjects)
    wish = services.request_framework("nist-ai-rmf", is_on=True, reason=WHY, actor=risk)
    assert audit.epochs(subjects) == epochs, "a wish changes nothing"
    with pytest.raises(NotAllowed):
        services.confirm_framework(wish, actor=risk)
    assert len(services.confirm_framework(wish, actor=other)) == 8
    after = queries.policies_in_force()
    assert all(after[key].version == before[key].version + 1 for key in before)
    assert all(audit.epochs(subjects)[name] > epochs[name] for name in subjects)
    ids = {row.id for row in queries.compiled(next(iter(after.values()))).requirements}
    assert "AIRMF-GOVERN-1.6" in ids


def test_starting_early_asks_before_the_legal_date(credit):
    assert credit.result("EUAIA-9.1").outcome == "not_yet_effective"
    wish = services.request_framework("eu-ai-act", is_on=True, is_early=True, reason=WHY, actor=credit.risk)
    services.confirm_framework(wish, actor=credit.risk2)
    assert credit.result("EUAIA-9.1").outcome == "missing"


def test_wish_is_decided_once_and_one_at_a_time(loaded):
    risk, other = make.person("risk_officer"), make.person("compliance")
    wish = services.request_framework("iso-42001", is_on=True, reason=WHY, actor=risk)
    with pytest.raises(WrongState):
        services.request_framework("iso-42001", is_on=True, reason=WHY, actor=other)
    services.reject_framework(wish, actor=other, reason="We are not to be certified yet.")
    assert "iso-42001" not in {row.framework.slug for row in queries.active_frameworks()}
    with pytest.raises(WrongState):
        services.confirm_framework(wish, actor=other)


def test_policy_that_starts_later_is_in_force_later(credit):
    policy = queries.policy_for(credit.version, credit.production).policy
    draft = services.draft_policy(policy, rules=packs.house_rules()[:1], reason=WHY, actor=credit.risk)
    starts = timezone.now() + timedelta(days=10)
    services.publish_policy(draft, actor=credit.risk2, starts_at=starts)
    assert queries.policy_for(credit.version, credit.production).version == 1
    assert queries.policy_for(credit.version, credit.production, at=starts).version == 2


def test_own_house_rules_survive_a_framework_and_a_load_of_the_packs(credit):
    policy = queries.policy_for(credit.version, credit.production).policy
    draft = services.draft_policy(policy, rules=packs.house_rules()[:1], reason=WHY, actor=credit.risk)
    services.publish_policy(draft, actor=credit.risk2)
    assert services.load_packs()["policies"] == 0
    services.confirm_framework(
        services.request_framework("nist-ai-rmf", is_on=True, reason=WHY, actor=credit.risk), actor=credit.risk2
    )
    held = queries.policy_for(credit.version, credit.production)
    assert held.version == draft.version + 1
    assert [row["id"] for row in held.body["requirements"] if row["framework"] == "house"] == ["HOUSE-TIER"]


def test_rule_cannot_take_the_name_of_a_law_or_of_minimum_evidence(credit):
    policy = queries.policy_for(credit.version, credit.production).policy
    for name in ("GDPR-32", "MIN-risk_register"):
        with pytest.raises(Invalid, match="comes twice"):
            services.draft_policy(policy, rules=[{**packs.house_rules()[0], "id": name}], reason=WHY, actor=credit.risk)


def test_environment_with_a_policy_of_its_own_is_held_to_it(credit):
    policy = services.policy_for_environment(
        credit.production, tier=2, name="Production of the bank", actor=credit.risk
    )
    draft = services.draft_policy(policy, rules=packs.house_rules()[:1], reason=WHY, actor=credit.risk)
    assert queries.policy_for(credit.version, credit.production).policy != policy
    services.publish_policy(draft, actor=credit.risk2)
    assert queries.policy_for(credit.version, credit.production).policy == policy
    assert queries.policy_for(credit.version, make.environment("second", is_production=True)).policy != policy


def test_published_rows_never_change(loaded):
    for row in (Framework.objects.first(), Publication.objects.first(), Publication.objects.first().policy_version):
        with pytest.raises(TypeError):
            row.save()
        with pytest.raises(TypeError):
            row.delete()


def test_house_rules_read_metrics_that_checks_report():
    from apps.evidence.checks import registry

    known = {f"metrics.{key}.{metric.key}" for key, check in registry().items() for metric in check.metrics}
    for rule in packs.house_rules():
        name = rule["limit"]["name"]
        if name.startswith("metrics."):
            assert name in known, rule["id"]
            assert rule["check"] == name.split(".")[1]


def test_drafting_needs_a_role_and_a_reason(loaded):
    policy = policies.default_policy(2, True)
    with pytest.raises(NotAllowed):
        services.draft_policy(policy, rules=[], reason=WHY, actor=make.person("developer"))
    with pytest.raises(NotAllowed):
        services.draft_policy(policy, rules=[], reason=WHY, actor=make.person("administrator"))
