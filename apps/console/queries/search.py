"""One box for everything: names, references, ids and the first digits of a digest. One exact hit needs no list."""

import re
import uuid
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.urls import reverse

from apps.accounts.models import User
from apps.catalog.models import Dataset
from apps.dossiers.models import Dossier
from apps.evidence.models import Evidence
from apps.gate.models import Decision
from apps.policy.models import Policy, Waiver
from apps.registry.models import ArtifactAlias, Model, ModelVersion, UseCase
from apps.workflow.models import Finding, Review

DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{8,64})")
REFERENCE = re.compile(r"([A-Z])-(\d{1,9})", re.IGNORECASE)
MOST = 20


@dataclass(frozen=True)
class Hit:
    """One thing found: kind, name, address, and whether the words name it exactly."""

    kind: str
    name: str
    url: str
    note: str = ""
    is_exact: bool = False


def search(user: User, text: str) -> list[Hit]:
    """What these words name, exact ones first; only what this person may see."""
    words = " ".join(text.split())[:200]
    if not words:
        return []
    hits = [*_by_id(user, words), *_by_reference(user, words), *_by_digest(user, words)] or _by_words(user, words)
    unique = {hit.url: hit for hit in sorted(hits, key=lambda hit: hit.is_exact)}
    return sorted(unique.values(), key=lambda hit: (not hit.is_exact, hit.kind, hit.name))[: 3 * MOST]


def only(hits: list[Hit]) -> Hit | None:
    """The one exact hit, when there is just one."""
    exact = [hit for hit in hits if hit.is_exact]
    return exact[0] if len(exact) == 1 else None


def version_hit(version: ModelVersion, note: str = "", *, is_exact: bool = False) -> Hit:
    """A version as a hit."""
    url = reverse("console:version", args=[version.model.slug, version.version])
    return Hit("Version", f"{version.model.name} {version.version}", url, note or version.use_case.title, is_exact)


def _by_id(user: User, words: str) -> list[Hit]:
    try:
        key = uuid.UUID(words)
    except ValueError:
        return []
    hits = [version_hit(row, is_exact=True) for row in _versions(user).filter(pk=key)]
    kinds: list[tuple[str, Any, str]] = [
        ("Gate decision", Decision.objects.visible_to(user), "gate:decision"),
        ("Evidence", Evidence.objects.visible_to(user), "evidence:detail"),
        ("Review", Review.objects.visible_to(user), "workflow:review-detail"),
        ("Finding", Finding.objects.visible_to(user), "workflow:finding"),
        ("Waiver", Waiver.objects.visible_to(user), "policy:waiver"),
        ("Dataset", Dataset.objects.visible_to(user), "console:dataset"),
        ("Dossier", Dossier.objects.visible_to(user), "dossiers:dossier"),
    ]
    for kind, rows, page in kinds:
        hits += [Hit(kind, str(row), reverse(page, args=[row.pk]), is_exact=True) for row in rows.filter(pk=key)[:1]]
    return hits


def _by_reference(user: User, words: str) -> list[Hit]:
    match = REFERENCE.fullmatch(words)
    if match is None:
        return []
    kinds: dict[str, tuple[str, Any, str]] = {
        "F": ("Finding", Finding.objects.visible_to(user), "workflow:finding"),
        "D": ("Dossier", Dossier.objects.visible_to(user), "dossiers:dossier"),
        "R": ("Review", Review.objects.visible_to(user), "workflow:review-detail"),
    }
    kind = kinds.get(match[1].upper())
    if kind is None:
        return []
    rows = kind[1].filter(number=int(match[2]))[:1]
    return [Hit(kind[0], str(row), reverse(kind[2], args=[row.pk]), is_exact=True) for row in rows]


def _by_digest(user: User, words: str) -> list[Hit]:
    match = DIGEST.fullmatch(words.lower())
    if match is None:
        return []
    digest = f"sha256:{match[1]}"
    visible = ModelVersion.objects.visible_to(user)
    aliases = ArtifactAlias.objects.filter(digest__startswith=digest, version__in=visible)
    found = aliases.select_related("version__model__use_case")[:MOST]
    hits = [version_hit(row.version, f"{row.get_kind_display()} {row.digest[:23]}…", is_exact=True) for row in found]
    items = Evidence.objects.visible_to(user).filter(digest__startswith=digest)[:MOST]
    hits += [
        Hit("Evidence", row.title, reverse("evidence:detail", args=[row.pk]), row.digest[:23] + "…", True)
        for row in items
    ]
    return hits


def _versions(user: User) -> Any:
    return ModelVersion.objects.visible_to(user).select_related("model__use_case")


def _by_words(user: User, words: str) -> list[Hit]:
    return [*_models(user, words), *_named_versions(user, words), *_use_cases(user, words), *_rest(user, words)]


def _models(user: User, words: str) -> list[Hit]:
    rows = Model.objects.visible_to(user).select_related("use_case")
    rows = rows.filter(Q(name__icontains=words) | Q(slug__icontains=words))[:MOST]
    return [
        Hit(
            "Model",
            row.name,
            reverse("console:model", args=[row.slug]),
            row.use_case.title,
            _same(words, row.name, row.slug),
        )
        for row in rows
    ]


def _named_versions(user: User, words: str) -> list[Hit]:
    """Versions by "name 12": the last word is the version, what stands before it the model."""
    name, _space, number = words.rpartition(" ")
    if not name:
        return []
    named = Model.objects.visible_to(user).filter(Q(name__iexact=name) | Q(slug__iexact=name))
    rows = _versions(user).filter(model__in=list(named[:MOST]), version=number).order_by("-id")[:MOST]
    return [version_hit(row, is_exact=True) for row in rows]


def _use_cases(user: User, words: str) -> list[Hit]:
    rows = UseCase.objects.visible_to(user).filter(Q(title__icontains=words) | Q(slug__icontains=words))[:MOST]
    return [
        Hit("Use case", row.title, reverse("console:use-case", args=[row.slug]), "", _same(words, row.title, row.slug))
        for row in rows
    ]


def _rest(user: User, words: str) -> list[Hit]:
    datasets = Dataset.objects.visible_to(user).filter(Q(name__icontains=words) | Q(title__icontains=words))[:MOST]
    hits = [
        Hit(
            "Dataset",
            str(row),
            reverse("console:dataset", args=[row.pk]),
            row.namespace,
            _same(words, row.name, row.title),
        )
        for row in datasets
    ]
    policies = Policy.objects.filter(Q(name__icontains=words) | Q(slug__icontains=words))[:MOST]
    hits += [
        Hit("Policy", row.name, reverse("policy:policy", args=[row.slug]), "", _same(words, row.name, row.slug))
        for row in policies
    ]
    return hits


def _same(words: str, *names: str) -> bool:
    return words.casefold() in {name.casefold() for name in names}
