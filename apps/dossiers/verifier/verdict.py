"""What a verification says: checks with a state and a sentence, one result, one exit code."""

import json
from dataclasses import dataclass, field
from typing import Any

PASS, FAIL, SKIP, ERASED = "PASS", "FAIL", "SKIP", "ERASED"
VALID, TAMPERED, CANNOT_VERIFY, USAGE = 0, 1, 2, 3
RESULTS = {VALID: "valid", TAMPERED: "tampered", CANNOT_VERIFY: "cannot verify"}
MOST_DETAILS = 20


class Tampered(Exception):
    """Something is not what it was when it was signed; the message is the sentence."""


class CannotVerify(Exception):
    """Something that is needed for a check is not there, or is of a kind this program does not know."""


class Erased(Exception):
    """Everything holds, but some values are no longer, or not, disclosed; their commitments are intact."""


@dataclass
class Check:
    """One check: what was asked, what came out."""

    name: str
    title: str
    is_required: bool = True
    state: str = SKIP
    sentence: str = "Not reached."
    details: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "name": self.name,
            "title": self.title,
            "state": self.state,
            "required": self.is_required,
            "sentence": self.sentence,
            "details": self.details[:MOST_DETAILS],
        }


@dataclass
class Report:
    """All checks of one file."""

    path: str
    checks: list[Check] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 only when nothing failed and no required check was skipped."""
        if any(check.state == FAIL for check in self.checks):
            return TAMPERED
        if not self.checks or any(check.state == SKIP and check.is_required for check in self.checks):
            return CANNOT_VERIFY
        return VALID

    def as_json(self) -> str:
        """One JSON object."""
        body = {
            "file": self.path,
            "result": RESULTS[self.exit_code],
            "exit_code": self.exit_code,
            "facts": self.facts,
            "checks": [check.as_json() for check in self.checks],
        }
        return json.dumps(body, indent=2, ensure_ascii=False)

    def as_text(self) -> str:
        """Lines for people: result first."""
        lines = [f"Result: {RESULTS[self.exit_code].upper()}   {self.path}", ""]
        for check in self.checks:
            mark = check.state if check.is_required or check.state != SKIP else "SKIP (not required)"
            lines.append(f"{mark:<6} {check.name:<12} {check.title}: {check.sentence}")
            lines += [f"        {detail}" for detail in check.details[:MOST_DETAILS]]
            if len(check.details) > MOST_DETAILS:
                lines.append(f"        and {len(check.details) - MOST_DETAILS} more")
        lines += ["", *(f"{name}: {value}" for name, value in self.facts.items())]
        return "\n".join(lines)
