"""What every door shares: who asks, what they asked, as a `Question`; and the answer's common shape."""

import hashlib
import json
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from apps.core.errors import BadRequest, NotAllowed, TooLarge
from apps.gate import judging
from apps.gate.models import Decision
from apps.gate.services import Question

MOST_BYTES = 256 * 1024
MOST_DEPTH = 32


def read_json(request: HttpRequest) -> dict[str, Any]:
    """The body as an object. Raises BadRequest on anything that is not one, on duplicate keys and on deep nesting."""
    announced = request.headers.get("Content-Length") or "0"
    if not announced.isascii() or not announced.isdigit():
        raise BadRequest("Content-Length is not a number.", code="LENGTH")
    if int(announced) > MOST_BYTES:
        raise TooLarge(f"The question is larger than {MOST_BYTES // 1024} kB.")
    raw = request.body
    if len(raw) > MOST_BYTES:
        raise TooLarge(f"The question is larger than {MOST_BYTES // 1024} kB.")
    try:
        body = json.loads(raw, object_pairs_hook=_once, parse_constant=_finite)
    except RecursionError as deep:
        raise BadRequest("The body is nested too deeply.", code="TOO_DEEP") from deep
    except (ValueError, UnicodeDecodeError) as broken:
        raise BadRequest(f"The body is not JSON: {broken}.", code="NOT_JSON") from broken
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object.", code="NOT_AN_OBJECT")
    if depth_of(body) > MOST_DEPTH:
        raise BadRequest(f"The body is nested more than {MOST_DEPTH} levels deep.", code="TOO_DEEP")
    if "\\u0000" in raw.decode("utf-8", "replace"):
        raise BadRequest("The body contains the character U+0000, which cannot be stored.", code="NUL_CHARACTER")
    return body


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key appears twice")
    return found


def _finite(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def depth_of(value: Any, level: int = 0) -> int:
    """How many levels deep a JSON value is nested, counted without recursion past the limit."""
    if level > MOST_DEPTH or not isinstance(value, dict | list):
        return level
    inner = value.values() if isinstance(value, dict) else value
    return max((depth_of(item, level + 1) for item in inner), default=level + 1)


def part(body: dict[str, Any], key: str, *, required: bool = False) -> dict[str, Any]:
    """An object inside the body. Raises BadRequest when it is missing or not an object."""
    value = body.get(key)
    if value is None and not required:
        return {}
    if not isinstance(value, dict):
        raise BadRequest(f"`{key}` must be an object.", code=f"{key.upper()}_MISSING")
    return value


def text(value: Any, name: str, *, required: bool = False) -> str:
    """A string inside the body. Raises BadRequest when it is something else."""
    if value is None and not required:
        return ""
    if not isinstance(value, str) or (required and not value) or len(value) > 2000:
        raise BadRequest(f"`{name}` must be a string of 1 to 2000 characters.", code="NOT_A_STRING")
    return value


def environment_for(request: HttpRequest, asked: str) -> str:
    """The environment: the credential's when it is bound to one, else what the body says. A mismatch is refused."""
    bound = str(getattr(getattr(request, "auth", None), "environment_slug", "") or "")
    if bound and asked and asked != bound:
        raise NotAllowed(f"This token asks for {bound} only, not for {asked[:60]}.", code="OTHER_ENVIRONMENT")
    return bound or asked


def question_from(request: HttpRequest, body: dict[str, Any], *, door: str) -> Question:
    """An AuthZEN evaluation as a `Question`; unknown fields are ignored, as the specification asks."""
    subject, action = part(body, "subject", required=True), part(body, "action", required=True)
    resource, context = part(body, "resource", required=True), part(body, "context")
    text(subject.get("type"), "subject.type", required=True)
    text(subject.get("id"), "subject.id", required=True)
    text(resource.get("type"), "resource.type", required=True)
    text(resource.get("id"), "resource.id", required=True)
    if not isinstance(resource.get("properties") or {}, dict):
        raise BadRequest("`resource.properties` must be an object.", code="NOT_AN_OBJECT")
    dry_run = context.get("dry_run", False)
    if not isinstance(dry_run, bool):
        raise BadRequest("`context.dry_run` must be true or false.", code="NOT_A_BOOLEAN")
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    return Question(
        door=door,
        resource=resource,
        environment=environment_for(request, text(context.get("environment"), "context.environment")),
        action=text(action.get("name"), "action.name", required=True),
        subject=subject,
        nonce=text(context.get("nonce"), "context.nonce"),
        is_dry_run=dry_run,
        request_id=getattr(request, "request_id", ""),
        request_digest="sha256:" + hashlib.sha256(canonical).hexdigest(),
        credential=str(getattr(getattr(request, "auth", None), "pk", "") or "session"),
        peer=request.META.get("REMOTE_ADDR", ""),
    )


def answer(decision: Decision, **before: Any) -> bytes:
    """The AuthZEN answer as JSON: `decision` and a context that says why, on what, until when; `before` are members in front."""
    head = _json({**before, "decision": decision.is_allowed})
    requirements = judging.written_requirements(decision.assessment_id)
    return b'%s,"context":{"requirements":%s,%s' % (head[:-1], requirements, _json(context_of(decision))[1:] + b"}")


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def context_of(decision: Decision) -> dict[str, Any]:
    """Everything in the answer's context but the requirements, which are written once for all decisions on them."""
    url = f"{settings.BASE_URL}/decisions/{decision.pk}/"
    attestation = f"{settings.BASE_URL}/api/v1/gate/decisions/{decision.pk}/attestation"
    context: dict[str, Any] = {
        "id": str(decision.pk),
        "outcome": decision.outcome,
        "mode": decision.mode,
        "environment": decision.environment_given,
        "codes": decision.codes,
        "approval": decision.approval or None,
        "policy": policy_of(decision),
        "waivers": decision.waivers,
        "artifact_digest": decision.artifact_digest or None,
        "deployment": str(decision.deployment_id) if decision.deployment_id else None,
        "dry_run": decision.is_dry_run,
        "nonce": decision.nonce or None,
        "expires_at": rfc3339(decision.expires_at),
        "retry_after_s": None,
        "break_glass": None,
        "record_url": url,
        "attestation_url": attestation if decision.version_id else None,
    }
    if decision.is_allowed and decision.outcome == "deny":
        context["warnings"] = [f"This environment is in {decision.mode} mode. Enforced, the answer would be deny."]
    status = "200" if decision.is_allowed else "403"
    policy = f"{decision.policy_name} {decision.policy_version}" if decision.policy_name else "no policy"
    context["reason_user"] = {status: decision.sentence}
    context["reason_admin"] = {status: f"{policy}: {', '.join(decision.codes)}"}
    return context


def final(body: bytes, *, status: int = 200, content_type: str = "application/json") -> HttpResponse:
    """No cache may keep an answer: a revocation binds on the next question."""
    return HttpResponse(body, status=status, content_type=content_type, headers={"Cache-Control": "no-store"})


def policy_of(decision: Decision) -> dict[str, Any] | None:
    """The policy version that was applied."""
    if not decision.policy_id:
        return None
    digest = decision.policy_digest
    return {
        "id": str(decision.policy_id),
        "name": decision.policy_name,
        "version": decision.policy_version,
        "digest": digest,
    }


def rfc3339(moment: Any) -> str | None:
    """UTC with Z, or None."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None
