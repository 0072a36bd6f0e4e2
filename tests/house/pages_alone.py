"""A process that serves real pages and says which heavy modules it loaded: `python -m tests.house.pages_alone NAME...`

It makes an approved version, its decision and its dossier's request through the services that web processes call, opens the pages
as people do, rolls everything back, and prints what of NAME... is loaded.
"""

import sys
from typing import Any

import django
from django.conf import settings
from django.db import transaction


def addresses(world: Any, computed: Any, review: Any, decision: Any, dossier: Any) -> list[str]:
    """Every page of the version, and those of the things that stand around it."""
    from django.urls import reverse

    version = world.version
    by_slug, by_id = [version.model.slug, version.version], [version.pk]
    return [
        *(reverse(f"console:{name}") for name in ("queue", "search", "system", "use-case-list", "model-list")),
        *(reverse(f"console:{name}", args=by_slug) for name in ("version", "version-changes")),
        *(reverse(name, args=by_id) for name in ("evidence:version-list", "evidence:check-new", "lineage:version")),
        *(reverse(name, args=by_id) for name in ("gate:version-decisions", "dossiers:dossier-new", "workflow:discussion")),
        reverse("evidence:detail", args=[computed.pk]),
        reverse("workflow:review-detail", args=[review.pk]),
        reverse("gate:decision", args=[decision.pk]),
        reverse("dossiers:dossier", args=[dossier.pk]),
        *(reverse(name) for name in ("lineage:graph", "gate:decision-list", "audit:entry-list", "dossiers:dossier-list")),
        *(reverse(name) for name in ("policy:policy-list", "policy:waiver-list", "workflow:finding-list")),
        reverse("audit:entry", args=[0]),
    ]  # fmt: skip


def serve() -> int:
    """Make the world, open its pages as two people; how many pages answered 200."""
    from apps.audit import services as audit
    from apps.dossiers.services import request_dossier
    from apps.policy import services as policy
    from apps.workflow import services as workflow
    from tests import factories
    from tests.dossiers.conftest import LARGE, by_group
    from tests.gate.conftest import ask
    from tests.workflow.conftest import ORGANISATION, OrganisationFact, again, build

    policy.load_packs()
    workflow.publish_processes(workflow.shipped_definition(), actor=audit.system("workflow"))
    for name, value in ORGANISATION.items():
        OrganisationFact.objects.create(name=name, value=value)
    world = again(build(2, "credit-pages"))
    world.show()
    computed = by_group(world, "subpopulations", LARGE, "groups")
    review = world.approve()
    decision = ask(world)
    dossier = request_dossier(world.version, actor=world.auditor)
    audit.sequence_all()
    pages = addresses(world, computed, review, decision, dossier)
    for reader in (world.auditor, world.validator):
        browser = factories.signed_in(reader)
        for page in pages:
            status = browser.get(page).status_code
            if status != 200:
                raise SystemExit(f"{page} answers {status} to {reader}")
    return len(pages)


def main() -> None:
    """Serve, roll back, say."""
    django.setup()
    from django.test.utils import setup_test_environment

    import apps.config.wsgi  # noqa: F401, the door that gunicorn opens

    setup_test_environment()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]
    whole = transaction.atomic()
    whole._from_testcase = True  # services open durable transactions inside, as in a TestCase
    with whole:
        count = serve()
        transaction.set_rollback(True)
    print(count, *sorted(set(sys.argv[1:]) & set(sys.modules)))


if __name__ == "__main__":
    main()
