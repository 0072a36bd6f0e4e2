"""The inventory: who may change what, that versions never change, and that involvement is never forgotten."""

import threading
import uuid
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from apps.accounts.models import RoleAssignment, User
from apps.audit.models import Entry
from apps.audit.queries import epochs
from apps.audit.services import system
from apps.catalog.models import Dataset
from apps.catalog.services import FieldDeclaration
from apps.core import moment
from apps.core.errors import Conflict, Invalid, NotAllowed, WrongState
from apps.core.permissions import permit, refusals
from apps.registry import services
from apps.registry.models import Deployment, Environment, Involvement, Model, ModelVersion, UseCase
from apps.registry.permissions import is_not_involved_as
from apps.registry.queries import version_header, versions_with_digest
from tests import factories as make

pytestmark = pytest.mark.django_db


def epoch(thing: Any) -> int:
    """The epoch of something judged."""
    return epochs([thing.subject]).get(thing.subject, 0)


def capacities(version: ModelVersion, user: User) -> set[str]:
    """What a user did to a version."""
    return set(Involvement.objects.filter(version=version, user=user).values_list("capacity", flat=True))


# --- use cases and tiers ---------------------------------------------------------------------------------------------


def test_title_and_purpose_are_enough_and_the_slug_follows() -> None:
    owner = make.person("model_owner")
    row = services.create_use_case(title="Retail credit", purpose="Scores.", actor=owner)
    assert (row.slug, row.owner) == ("retail-credit", owner)
    with pytest.raises(Conflict, match="slug"):
        services.create_use_case(title="Retail Credit", purpose="Scores.", actor=owner)


def test_a_title_that_makes_no_slug_asks_for_one() -> None:
    with pytest.raises(Invalid, match="slug"):
        services.create_use_case(title="信用", purpose="Scores.", actor=make.person("model_owner"))


def test_an_owner_must_be_an_active_person_who_sees_the_use_case() -> None:
    actor = make.person("developer")
    for owner in (make.service_account(), make.person(), make.person("model_owner", is_active=False)):
        with pytest.raises(Invalid, match="cannot own this"):
            services.create_use_case(title="Credit", purpose="x", owner=owner, actor=actor)


def test_auditors_services_and_administrators_create_no_use_case() -> None:
    for actor in (
        make.person("auditor"),
        make.service_account(),
        make.person("administrator"),
        make.person(is_superuser=True),
    ):
        with pytest.raises(NotAllowed):
            services.create_use_case(title="Credit", purpose="x", actor=actor)
    assert not UseCase.objects.exists()


def test_answers_merge_can_be_taken_back_and_bump_the_use_case_once_each() -> None:
    use_case = make.use_case()
    services.answer_facts(use_case, facts={"use.domain": "credit", "data.personal": True}, actor=use_case.owner)
    services.answer_facts(use_case, facts={"use.domain": "credit"}, actor=use_case.owner)
    services.answer_facts(use_case, facts={"data.personal": None}, answers={"impact": 3}, actor=use_case.owner)
    use_case.refresh_from_db()
    assert use_case.facts == {"use.domain": "credit"} and use_case.intake_answers == {"impact": 3}
    assert epoch(use_case) == 2 and use_case.answers.count() == 2


@pytest.mark.parametrize("value", [float("inf"), 2**60, "\ud800", "\0"])
def test_an_answer_without_canonical_form_is_refused(value: Any) -> None:
    use_case = make.use_case()
    with pytest.raises(Invalid, match="canonical|not allowed"):
        services.answer_facts(use_case, facts={"use.domain": value}, actor=use_case.owner)


def propose(use_case: UseCase, tier: int = 2) -> UseCase:
    """As the owner, propose a tier."""
    return services.set_proposed_tier(use_case, tier=tier, arithmetic={"sum": 7}, actor=use_case.owner)


def test_a_second_person_confirms_the_tier_and_the_owner_never() -> None:
    use_case = propose(make.use_case())
    make.grant(use_case.owner, "risk_officer")
    with pytest.raises(NotAllowed, match="You own"):
        services.confirm_tier(use_case, tier=2, actor=use_case.owner)
    services.confirm_tier(use_case, tier=2, actor=make.person("risk_officer"))
    use_case.refresh_from_db()
    assert use_case.tier == 2 and use_case.is_tier_confirmed


def test_who_answered_a_question_does_not_confirm_the_tier() -> None:
    use_case, officer = make.use_case(), make.person("risk_officer")
    services.answer_facts(use_case, facts={"use.domain": "credit"}, actor=officer)
    with pytest.raises(NotAllowed, match="You answered"):
        services.confirm_tier(propose(use_case), tier=2, actor=officer)


def test_another_tier_than_the_proposed_one_needs_a_reason() -> None:
    use_case, officer = propose(make.use_case()), make.person("risk_officer")
    with pytest.raises(Invalid, match="Say why"):
        services.confirm_tier(use_case, tier=3, actor=officer)
    assert services.confirm_tier(use_case, tier=3, reason="Manual decisions only", actor=officer).tier == 3


def test_a_new_proposal_makes_the_confirmed_tier_unconfirmed() -> None:
    use_case, officer = propose(make.use_case(), 3), make.person("risk_officer")
    services.confirm_tier(use_case, tier=3, actor=officer)
    use_case.refresh_from_db()
    assert not propose(use_case, 1).is_tier_confirmed


def test_nothing_is_confirmed_before_it_is_proposed() -> None:
    with pytest.raises(WrongState, match="No tier is proposed"):
        services.confirm_tier(make.use_case(), tier=2, actor=make.person("risk_officer"))


# --- versions --------------------------------------------------------------------------------------------------------


def test_a_registered_version_is_bound_in_the_log_and_found_by_each_of_its_digests() -> None:
    files = make.files()
    version = make.version(files=files, image="r.example/x@sha256:" + "ef" * 32)
    for digest in (version.artifact_digest, "sha256:" + files[0]["sha256"], "sha256:" + "ef" * 32):
        assert list(versions_with_digest(digest)) == [version]
    assert (
        Entry.objects.get(verb="registry.version_registered").row_digest == version.digest == version.compute_digest()
    )
    assert not versions_with_digest("sha256:" + "00" * 32).exists()


def test_the_same_content_again_is_the_same_version_and_other_content_a_conflict() -> None:
    model, dev = make.model(), make.person("developer")
    given = make.registration("1", training={"seed": 1})
    first, is_new = services.register_once(model, registration=given, actor=dev)
    again, is_new_again = services.register_once(model, registration=given, actor=dev)
    assert (first, is_new, is_new_again) == (again, True, False)
    with pytest.raises(Conflict, match="training") as refused:
        services.register_version(
            model, registration=make.registration("1", files=given.files, training={"seed": 2}), actor=dev
        )
    assert refused.value.extra["differs"] == ["training"]


@pytest.mark.django_db(transaction=True)
def test_two_pipelines_that_register_the_same_version_at_once_get_the_same_one() -> None:
    model, dev, given = make.model(), make.person("developer"), make.registration("1")
    found: list[ModelVersion] = []

    def ask() -> None:
        found.append(services.register_version(model, registration=given, actor=dev))
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and len({version.pk for version in found}) == 1


def test_a_digest_that_disagrees_with_the_files_is_refused_and_nothing_is_written() -> None:
    with pytest.raises(Invalid, match="the files listed make sha256:"):
        make.version(digest="sha256:" + "00" * 32)
    assert not ModelVersion.objects.exists()


def test_every_fault_of_a_registration_is_named_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        make.version(
            version="../1",
            reason="because",
            features=["a", "a", {"nom": "b"}],
            training={"seed": 2**70, "extra": 1},
            output={"kind": "text"},
            endpoint={"url": "http://evil.example/", "protocol": "grpc"},
            datasets=[{"namespace": "n", "name": "d", "version": "1", "role": "eaten"}],
            developers=["nobody"],
        )
    pointers = {error["pointer"] for error in refused.value.errors}
    assert pointers == {
        "/version", "/reason", "/features/1/name", "/features/2", "/training/extra", "/training", "/output/kind",
        "/endpoint/protocol", "/endpoint/url", "/datasets/0/role", "/developers/0",
    }  # fmt: skip


@pytest.mark.parametrize("url", [
    "http://evil.example:8080/", "http://scorer.example:99999/", "ftp://scorer.example/", "http://u:p@scorer.example:9000/",
    "http://scorer.example:9000@evil.example/", "scorer.example:9000", "", 5,
])  # fmt: skip
def test_an_endpoint_outside_the_list_is_refused_with_who_can_add_it(url: Any, settings: Any) -> None:
    settings.ALLOWED_SCORING_HOSTS = ["scorer.example:9000"]
    with pytest.raises(Invalid, match="ALLOWED_SCORING_HOSTS"):
        make.version(endpoint={"url": url, "protocol": "oip-v2"})


def test_an_endpoint_on_the_list_is_accepted(settings: Any) -> None:
    settings.ALLOWED_SCORING_HOSTS = ["scorer.example:9000"]
    assert make.version(
        endpoint={"url": "http://scorer.example:9000/v2", "protocol": "oip-v2", "model": "credit"}
    ).endpoint


def test_datasets_are_linked_by_name_and_become_known() -> None:
    link = {
        "namespace": "postgres://h:5432",
        "name": "a.b",
        "version": "7",
        "role": "train",
        "sha256": "9" * 64,
        "target": "y",
    }
    version = make.version(datasets=[link])
    row = version.dataset_links.get()
    assert row.target == "y" and row.dataset_version.sha256 == "9" * 64
    assert not Dataset.objects.get().is_governed
    assert Entry.objects.get(verb="registry.dataset_linked").row_digest == row.digest


def test_a_dataset_version_with_other_bytes_refuses_the_whole_registration() -> None:
    state = make.dataset_version(sha256="a" * 64)
    link = {
        "namespace": state.dataset.namespace,
        "name": state.dataset.name,
        "version": "1",
        "role": "train",
        "sha256": "b" * 64,
    }
    with pytest.raises(Conflict, match="another version"):
        make.version(datasets=[link])
    assert not ModelVersion.objects.exists()


def test_a_later_link_bumps_the_version() -> None:
    version = make.version()
    before = epoch(version)
    make.link(version, make.dataset_version(), role="scored", score="p")
    make.link(version, version.dataset_links.get().dataset_version, role="scored", score="p")
    assert epoch(version) == before + 1


@pytest.mark.parametrize("table", [
    "registry_modelversion", "registry_artifactalias", "registry_datasetlink", "registry_involvement", "registry_intakeanswer",
])  # fmt: skip
def test_the_database_refuses_to_change_what_is_bound_to_a_version(table: str) -> None:
    version = make.version()
    make.link(version, make.dataset_version())
    services.answer_facts(version.use_case, facts={"use.domain": "credit"}, actor=version.use_case.owner)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for statement in (f"UPDATE {table} SET created_at = now()", f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_the_python_side_refuses_to_change_a_version_too() -> None:
    version = make.version()
    with pytest.raises(TypeError):
        version.save()
    with pytest.raises(TypeError):
        ModelVersion.objects.filter(pk=version.pk).update(version="2")


# --- involvement -----------------------------------------------------------------------------------------------------


def test_who_registers_is_involved_as_registered_and_built_and_the_owner_as_owner() -> None:
    dev = make.person("developer")
    version = make.version(developer=dev)
    assert capacities(version, dev) == {"registered", "built"}
    assert capacities(version, version.model.owner) == {"owns"}


def test_a_service_account_registers_on_behalf_of_the_developers_it_names() -> None:
    dev, robot = make.person("developer", username="dev"), make.service_account()
    version = make.version(developer=robot, developers=["dev"])
    assert capacities(version, robot) == {"registered"}
    assert capacities(version, dev) == {"built"}


def test_naming_a_scapegoat_does_not_clear_who_registered() -> None:
    make.person("developer", username="other")
    dev = make.person("developer")
    assert "built" in capacities(make.version(developer=dev, developers=["other"]), dev)


def test_involvement_is_written_once_bound_in_the_log_and_survives_a_change_of_role() -> None:
    dev = make.person("developer")
    version = make.version(developer=dev)
    with transaction.atomic():
        first = services.involve(version, dev, "commented")
        second = services.involve(version, dev, "commented")
    assert first == second and services.involve(version, system("policy"), "commented") is None
    RoleAssignment.objects.filter(user=dev).delete()
    make.grant(dev, "risk_officer")
    condition = is_not_involved_as("built", "registered")
    assert isinstance(condition(dev, version), str) and condition(make.person("risk_officer"), version) is True


def test_the_refused_person_reads_what_they_did_and_when() -> None:
    permit("test.sign", is_not_involved_as("built"))
    version = make.version()
    found = refusals(version.created_by, "test.sign", version)
    assert (
        found[0].code == "INVOLVED"
        and f"because you built it on {moment.day_in_words(version.created_at)}" in found[0].sentence
    )


def test_declaring_data_involves_in_versions_made_before_and_after() -> None:
    steward, dataset = make.person("data_steward"), make.dataset(fields=("sex",))
    state = make.dataset_version(dataset)
    before, after = make.version(), make.version()
    make.link(before, state)
    services.declare_dataset_fields(dataset, fields=[FieldDeclaration("sex", protected=True)], actor=steward)
    make.link(after, state)
    assert capacities(before, steward) == capacities(after, steward) == {"declared_data"}


def test_both_owners_stay_involved_when_a_model_is_handed_over() -> None:
    version = make.version()
    old, new = version.model.owner, make.person("model_owner")
    services.change_model_owner(version.model, owner=new, reason="moved", actor=old)
    assert capacities(version, old) == capacities(version, new) == {"owns"}


# --- environments, deployments, inventory ----------------------------------------------------------------------------


def test_only_the_head_of_model_risk_lets_production_run_without_enforcement() -> None:
    admin = make.person("administrator")
    environment = services.create_environment(name="Production", is_production=True, actor=admin)
    with pytest.raises(NotAllowed, match="head of model risk"):
        services.change_environment(environment, mode="observe", reason="hurry", actor=admin)
    services.change_environment(environment, mode="warn", reason="pilot", actor=make.person("head_of_model_risk"))
    assert Environment.objects.get().mode == "warn" and epoch(environment) == 2


def test_one_decision_makes_one_deployment_that_starts_and_ends_once() -> None:
    version, robot = make.version(), make.service_account()
    environment, decision = make.environment(is_production=True), uuid.uuid4()
    asked = {"digest": version.artifact_digest, "decision_id": decision, "actor": robot}
    row = services.authorise_deployment(version, environment, **asked)
    assert services.authorise_deployment(version, environment, **asked) == row
    services.start_deployment(row, actor=robot)
    assert services.start_deployment(row, actor=robot).state == "active"
    assert Model.objects.get().state == "in_use"
    services.end_deployment(row, reason="replaced", actor=robot)
    with pytest.raises(WrongState, match="is ended"):
        services.start_deployment(row, actor=robot)
    assert Deployment.objects.count() == 1


def test_a_role_in_another_use_case_reports_no_deployment() -> None:
    row = make.deployment(make.version(), make.environment())
    with pytest.raises(NotAllowed):
        services.start_deployment(row, actor=make.service_account("service", use_case="elsewhere"))


def test_the_owner_proposes_and_model_risk_confirms_a_retirement_only_when_nothing_runs() -> None:
    version = make.version()
    model, owner, risk = version.model, version.model.owner, make.person("risk_officer")
    running = make.deployment(version, make.environment(), "active")
    services.propose_model_state(model, state="retired", reason="replaced", actor=owner)
    with pytest.raises(NotAllowed):
        services.confirm_model_state(model, state="retired", actor=owner)
    with pytest.raises(WrongState, match="still run"):
        services.confirm_model_state(model, state="retired", actor=risk)
    services.end_deployment(running, actor=risk)
    assert services.confirm_model_state(model, state="retired", actor=risk).state == "retired"


def test_a_move_that_the_inventory_does_not_know_is_refused() -> None:
    model = make.model(state="in_use")
    with pytest.raises(WrongState, match="under_decommission"):
        services.propose_model_state(model, state="candidate", reason="x", actor=model.owner)


# --- what people see -------------------------------------------------------------------------------------------------


def test_a_role_for_one_use_case_shows_nothing_of_another() -> None:
    mine, other = make.version(), make.version()
    make.deployment(other, make.environment())
    reader = make.person("validator", use_case=mine.use_case.slug)
    assert list(UseCase.objects.visible_to(reader)) == [mine.use_case]
    assert list(Model.objects.visible_to(reader)) == [mine.model]
    assert list(ModelVersion.objects.visible_to(reader)) == [mine]
    assert not Deployment.objects.visible_to(reader).exists()
    assert ModelVersion.objects.visible_to(make.person("auditor")).count() == 2
    assert not ModelVersion.objects.visible_to(make.person()).exists()


def test_the_head_of_a_version_page_says_where_it_runs() -> None:
    version = make.version()
    for environment in (make.environment("production"), make.environment("staging")):
        make.deployment(version, environment, "active")
    head = version_header(version, make.person("auditor"), state="approved", is_your_turn=True)
    assert head.environments == ["Production", "Staging"] and head.digest == version.artifact_digest
    assert (head.state, head.is_your_turn, head.owner) == ("approved", True, str(version.model.owner))
