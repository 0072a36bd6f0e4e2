"""The model file of a version, where this server may read it and can."""

import hashlib
from pathlib import Path
from typing import Any

from django.conf import settings

from apps.evidence.checks.base import Unmeasurable, label
from apps.evidence.inputs.places import allowed_path
from apps.registry.models import ModelVersion

READABLE = "onnx"


def can_open(version: ModelVersion) -> bool:
    """Whether the version is registered as ONNX with one file under an allowed root."""
    try:
        return version.artifact_format.lower() == READABLE and _place(version)[0].is_file()
    except Unmeasurable:
        return False


def scorer_for_file(version: ModelVersion) -> Any:
    """A scorer over the registered file. Raises Unmeasurable: another format, outside the roots, not the registered bytes."""
    from apps.evidence.inputs.artifacts import read_onnx
    from apps.evidence.inputs.onnx_scoring import OnnxScorer

    if version.artifact_format and version.artifact_format.lower() != READABLE:
        raise Unmeasurable(
            f"The artifact is registered as {version.artifact_format[:40]}, for which there is no reader here. "
            "Register an ONNX export, or compare the endpoints of two versions."
        )
    path, sha256 = _place(version)
    content = read_onnx(path)
    actual = hashlib.sha256(content).hexdigest()
    if actual != sha256:
        raise Unmeasurable(
            f"{path.name} has the digest {actual[:12]}…, but {sha256[:12]}… was registered. It is not the artifact of this version."
        )
    return OnnxScorer(content, path.name, label((version.output or {}).get("positive", 1)))


def _place(version: ModelVersion) -> tuple[Path, str]:
    """The path and the registered digest of the version's only ONNX file. Raises Unmeasurable without one."""
    named = [row for row in version.artifact_files or [] if str(row.get("path", "")).lower().endswith(f".{READABLE}")]
    chosen = named or list(version.artifact_files or [])
    if len(chosen) != 1 or not version.artifact_uri:
        raise Unmeasurable(
            "The version does not name one ONNX file and where it is. The pipeline does when it registers it."
        )
    base = version.artifact_uri.rstrip("/")
    is_file = base.lower().endswith(str(chosen[0]["path"]).lower())
    uri = base if is_file else f"{base}/{chosen[0]['path']}"
    return allowed_path(uri, settings.ALLOWED_DATA_ROOTS), str(chosen[0]["sha256"])
