"""Small makers of rows that tests of every app need. Each writes rows directly; services are tested by calling services."""

import itertools
import uuid
from datetime import timedelta
from functools import cache
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.models import RoleAssignment, Token, User
from apps.accounts.tokens import new_token_text
from apps.catalog.models import Dataset, DatasetVersion, Field
from apps.registry import services as registry
from apps.registry.content import Registration
from apps.registry.models import Deployment, Environment, Model, ModelVersion, UseCase

PASSWORD = "a long pass phrase 42"
_number = itertools.count(1)


@cache
def password_hash() -> str:
    """The hash of PASSWORD, computed once, because it is slow on purpose."""
    return make_password(PASSWORD)


def person(*roles: str, username: str = "", use_case: str = "", **more: Any) -> User:
    """A person with these roles, for everything or for the use case with this slug."""
    name = username or f"person{next(_number)}"
    verified = {"identity_verified_at": timezone.now(), "identity_method": "in_person", **more}
    user = User(username=name, printed_name=verified.pop("printed_name", name.capitalize()), **verified)
    user.password = password_hash()
    user.save()
    grant(user, *roles, use_case=use_case)
    return user


def service_account(*roles: str, username: str = "", use_case: str = "") -> User:
    """A service account; with the role service unless told otherwise."""
    name = username or f"pipeline{next(_number)}"
    user = User(username=name, printed_name=name.capitalize(), kind=User.Kind.SERVICE)
    user.set_unusable_password()
    user.save()
    grant(user, *(roles or ("service",)), use_case=use_case)
    return user


def grant(user: User, *roles: str, use_case: str = "") -> None:
    """Give roles without asking anybody."""
    for role in roles:
        RoleAssignment.objects.create(user=user, role=role, use_case_slug=use_case)


def token_for(user: User, *scopes: str, **more: Any) -> str:
    """The text of a token of this user with these scopes."""
    text = new_token_text()
    columns = {"name": "test", "issued_by": user, "expires_at": timezone.now() + timedelta(days=1), **more}
    Token.objects.create(key=text.key, secret_digest=text.secret_digest, user=user, scopes=list(scopes), **columns)
    return str(text)


def api(user: User | None = None, *scopes: str) -> APIClient:
    """A JSON client: with a token where scopes are given, with a session where not, anonymous without a user."""
    client = APIClient()
    if user is not None and scopes:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token_for(user, *scopes)}")
    elif user is not None:
        client.force_login(user)
    return client


def use_case(slug: str = "", **more: Any) -> UseCase:
    """A use case; its owner holds no role unless you grant one."""
    slug = slug or f"use-case-{next(_number)}"
    owner = more.pop("owner", None) or person("model_owner", use_case=slug)
    columns = {"title": slug.replace("-", " ").capitalize(), "purpose": "Supports a decision.", **more}
    return UseCase.objects.create(slug=slug, owner=owner, **columns)


def model(use_case_: UseCase | None = None, slug: str = "", **more: Any) -> Model:
    """A model of a use case."""
    slug = slug or f"model-{next(_number)}"
    wanted = use_case_ or use_case()
    columns = {"name": slug.replace("-", " ").capitalize(), "owner": wanted.owner, **more}
    return Model.objects.create(slug=slug, use_case=wanted, **columns)


def files(seed: str = "") -> list[dict[str, Any]]:
    """The file list of an artifact nobody else has."""
    return [{"path": "model.onnx", "sha256": (seed or uuid.uuid4().hex * 2)[:64].ljust(64, "0"), "size": 1000}]


def registration(version: str = "", **more: Any) -> Registration:
    """What a pipeline sends to register a version."""
    columns = {"version": version or f"{next(_number)}", "reason": "first", "format": "onnx", "files": files(), **more}
    return Registration(**columns)


def version(model_: Model | None = None, *, developer: User | None = None, **more: Any) -> ModelVersion:
    """A registered version, through the service, so that aliases, involvement and entries are there."""
    wanted = model_ or model()
    builder = developer or person("developer", use_case=wanted.use_case.slug)
    return registry.register_version(wanted, registration=registration(**more), actor=builder)


def environment(slug: str = "", **more: Any) -> Environment:
    """An environment that enforces."""
    slug = slug or f"environment-{next(_number)}"
    return Environment.objects.create(slug=slug, name=slug.capitalize(), **more)


def dataset(name: str = "", *, fields: tuple[str, ...] = (), **more: Any) -> Dataset:
    """A governed dataset with these columns."""
    columns = {"namespace": "file://test", "name": name or f"table{next(_number)}", "is_governed": True, **more}
    row = Dataset.objects.create(**columns)
    for ordinal, path in enumerate(fields):
        Field.objects.create(dataset=row, path=path, type="string", ordinal=ordinal)
    return row


def dataset_version(dataset_: Dataset | None = None, key: str = "1", **more: Any) -> DatasetVersion:
    """A declared state of a dataset."""
    columns = {"origin": DatasetVersion.Origin.DECLARED, **more}
    return DatasetVersion.objects.create(dataset=dataset_ or dataset(), key=key, **columns)


def link(version_: ModelVersion, dataset_version_: DatasetVersion, role: str = "train", **more: Any) -> Any:
    """Tie a version to a state of a dataset."""
    state = dataset_version_
    named = {"namespace": state.dataset.namespace, "name": state.dataset.name, "version": state.key, "role": role}
    with transaction.atomic():
        return registry.link_dataset(version_, link={**named, **more}, actor=version_.created_by)


def deployment(version_: ModelVersion, environment_: Environment, state: str = "authorised") -> Deployment:
    """A deployment in this state, as the gate and the pipeline would have left it."""
    now = timezone.now()
    return Deployment.objects.create(
        version=version_,
        environment=environment_,
        artifact_digest=version_.artifact_digest,
        state=state,
        decision_id=uuid.uuid4(),
        authorised_by=version_.created_by,
        authorised_at=now,
        started_at=now if state == "active" else None,
    )


def signed_in(who: User) -> Client:
    """A browser in which this person is signed in."""
    client = Client()
    client.force_login(who)
    return client


def tiered(case: UseCase, tier: int) -> UseCase:
    """The use case with this tier, proposed by its owner and confirmed by somebody from model risk."""
    registry.set_proposed_tier(case, tier=tier, arithmetic={}, actor=case.owner)
    return registry.confirm_tier(case, tier=tier, actor=person("head_of_model_risk"))
