"""Accounts of people and services: made and deactivated by administrators, never deleted, never given to someone else."""

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from apps.accounts import passwords
from apps.accounts.models import IdentityMethod, Role, RoleAssignment, User
from apps.accounts.services.roles import require_another_administrator
from apps.audit.services import record, system
from apps.core.errors import Conflict, Invalid, WrongState
from apps.core.permissions import authorise

IDENTITY_METHODS = [method for method in IdentityMethod.values if method != IdentityMethod.EARLIER]


def require_good_password(user: User, password: str) -> None:
    """Raise Invalid with every reason why this is not a good password for this user."""
    try:
        validate_password(password, user)
    except ValidationError as weak:
        errors = [{"pointer": "/password", "code": "WEAK_PASSWORD", "detail": message} for message in weak.messages]
        raise Invalid(errors=errors) from weak


@transaction.atomic
def create_user(
    username: str,
    *,
    printed_name: str,
    email: str = "",
    kind: str = User.Kind.PERSON,
    reports_to: User | None = None,
    password: str | None = None,
    actor: User,
) -> User:
    """Make an account. It signs nothing until a second person has verified who holds it."""
    authorise(actor, "accounts.manage_users")
    user = new_user(
        username, printed_name=printed_name, email=email, kind=kind, reports_to=reports_to, password=password
    )
    user.password_set_by = actor if password else None
    user.save()
    record(
        actor,
        "accounts.user_created",
        user,
        data={"kind": kind, "reports_to": str(reports_to.pk) if reports_to else None},
    )
    return user


def new_user(
    username: str, *, printed_name: str, email: str, kind: str, reports_to: User | None, password: str | None
) -> User:
    """A checked account that is not saved yet. Names are never given twice, whatever their case."""
    if User.objects.filter(username__iexact=username).exists():
        raise Conflict(
            "This user name belongs to someone, or once did; names are never given twice.", code="NAME_TAKEN"
        )
    user = User(username=username, printed_name=printed_name, email=email, kind=kind, reports_to=reports_to)
    if kind == User.Kind.SERVICE or password is None:
        user.set_unusable_password()
    else:
        require_good_password(user, password)
        user.set_password(password)
        user.password_changed_at = timezone.now()
    user.full_clean(exclude=["identity_verified_by"])
    return user


@transaction.atomic
def create_first_administrator(username: str, *, printed_name: str, email: str = "", password: str) -> User:
    """The account that makes all others. Only from the command line, and only while nobody administers."""
    if RoleAssignment.objects.current().filter(role=Role.ADMINISTRATOR).exists():
        raise WrongState("There is an administrator already, who makes further accounts under Administration.")
    user = new_user(
        username, printed_name=printed_name, email=email, kind=User.Kind.PERSON, reports_to=None, password=password
    )
    user.save()
    operator = system("command_line")
    record(operator, "accounts.user_created", user, data={"kind": user.kind, "reports_to": None})
    RoleAssignment.objects.create(user=user, role=Role.ADMINISTRATOR, reason="First administrator")
    record(
        operator,
        "accounts.role_granted",
        user,
        data={"role": Role.ADMINISTRATOR.value, "use_case": "", "ends_at": None},
    )
    return user


@transaction.atomic
def set_reporting_line(user: User, *, reports_to: User | None, reason: str = "", actor: User) -> User:
    """Say to whom a person reports; reviewers may not report to whom they review for."""
    authorise(actor, "accounts.manage_users")
    user = User.objects.locked(user.pk)
    above = reports_to
    while above is not None:
        if above.pk == user.pk:
            raise Invalid(
                f"{reports_to} already reports to {user}, directly or through others.", code="REPORTING_CYCLE"
            )
        above = above.reports_to
    before, user.reports_to = user.reports_to_id, reports_to
    user.save(update_fields=["reports_to"])
    line = {"before": str(before) if before else None, "after": str(reports_to.pk) if reports_to else None}
    record(actor, "accounts.reporting_line_set", user, data=line, reason=reason)
    return user


@transaction.atomic
def deactivate_user(user: User, *, reason: str, actor: User) -> User:
    """Close an account: no sign-in, no token, no role. What the person did stays."""
    authorise(actor, "accounts.manage_users")
    user = User.objects.locked(user.pk)
    if not user.is_active:
        raise WrongState(f"{user} was deactivated before.")
    if user.assignments.current().filter(role=Role.ADMINISTRATOR).exists():
        require_another_administrator(user)
    user.is_active, user.deactivated_at = False, timezone.now()
    user.save(update_fields=["is_active", "deactivated_at"])
    record(actor, "accounts.user_deactivated", user, reason=reason)
    return user


@transaction.atomic
def reactivate_user(user: User, *, reason: str, actor: User) -> User:
    """Open an account again for the same person. Signing waits until someone verifies the identity."""
    authorise(actor, "accounts.manage_users")
    user = User.objects.locked(user.pk)
    if user.is_active:
        raise WrongState(f"{user} is active.")
    user.is_active, user.deactivated_at, user.signing_suspended_at = True, None, timezone.now()
    user.save(update_fields=["is_active", "deactivated_at", "signing_suspended_at"])
    record(actor, "accounts.user_reactivated", user, reason=reason)
    return user


@transaction.atomic
def set_password(user: User, *, password: str, actor: User) -> User:
    """An administrator sets a password. Until a second person verifies the identity, the account signs nothing."""
    authorise(actor, "accounts.manage_users")
    user = User.objects.locked(user.pk)
    if not user.is_person:
        raise Invalid("Service accounts have no password. Issue a token.")
    require_good_password(user, password)
    if passwords.was_had(user, password):
        sentence = "The person has or had this password. Choose another one."
        raise Invalid(errors=[{"pointer": "/password", "code": "PASSWORD_USED_BEFORE", "detail": sentence}])
    passwords.remember(user, user.password)
    user.set_password(password)
    user.password_set_by, user.password_changed_at = actor, timezone.now()
    user.signing_suspended_at = user.password_changed_at
    user.save(update_fields=["password", "password_set_by", "password_changed_at", "signing_suspended_at"])
    record(actor, "accounts.password_set", user)
    return user


@transaction.atomic
def verify_identity(user: User, *, method: str, reason: str, actor: User) -> User:
    """A second person has made sure, by this method, who holds this account; it may sign (again)."""
    user = User.objects.locked(user.pk)
    authorise(actor, "accounts.verify_identity", user)
    if method not in IDENTITY_METHODS:
        sentence = f"Say how you made sure: {', '.join(IDENTITY_METHODS)}."
        raise Invalid(errors=[{"pointer": "/method", "code": "UNKNOWN_METHOD", "detail": sentence}])
    if not user.is_active or not user.is_person:
        raise WrongState(f"{user} is no active account of a person.")
    user.identity_verified_by, user.identity_verified_at, user.identity_method = actor, timezone.now(), method
    user.signing_suspended_at = user.password_set_by = None
    user.save()
    record(actor, "accounts.identity_verified", user, data={"method": method}, reason=reason)
    return user


def set_theme(user: User, theme: str) -> User:
    """Remember light, dark or the system's choice (""). A taste, so nothing enters the log."""
    if theme not in {"", "light", "dark"}:
        raise Invalid("The theme is light, dark, or empty to follow the system.")
    user.theme = theme
    user.save(update_fields=["theme"])
    return user


@transaction.atomic
def record_sign_in(user: User) -> None:
    """A session began."""
    record(user, "accounts.signed_in", user)


@transaction.atomic
def record_sign_out(user: User) -> None:
    """A session was ended by its holder."""
    record(user, "accounts.signed_out", user)


@transaction.atomic
def record_failed_sign_in(username: str) -> None:
    """Somebody gave a wrong password. What was typed is not kept: it may be a password in the wrong field."""
    user = User.objects.filter(username__iexact=username).first()
    record(system("accounts"), "accounts.sign_in_failed", user or "user:unknown")


@transaction.atomic
def record_password_change(user: User, *, former: str = "") -> None:
    """A person changed their own password; its age begins anew. `former` is the hash of the one before."""
    passwords.remember(user, former)
    User.objects.filter(pk=user.pk).update(password_changed_at=timezone.now())
    record(user, "accounts.password_changed", user)
