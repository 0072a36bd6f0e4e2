"""The model file of a version, where this server may read it and can."""

import hashlib
from pathlib import Path
from typing import Any

from django.conf import settings

from apps.evidence.checks.base import Unmeasurable, label
from apps.evidence.inputs.places import allowed_path
from apps.registry.models import ModelVersion

# Registered format -> how its files end. The bytes decide what a file is; the ending only says which of several files is meant.
ENDINGS = {"onnx": (".onnx",), "xgboost": (".json", ".ubj"), "lightgbm": (".txt",), "pmml": (".pmml", ".xml")}


def can_open(version: ModelVersion) -> bool:
    """Whether the version is registered in a format that is read here, with one file under an allowed root."""
    try:
        return bool(version.artifact_format) and _place(version, _format(version))[0].is_file()
    except Unmeasurable:
        return False


def scorer_for_file(version: ModelVersion) -> Any:
    """A scorer over the registered file. Raises Unmeasurable: another format, outside the roots, not the registered bytes."""
    from apps.evidence.inputs.artifacts import read_model
    from apps.evidence.inputs.file_scoring import FileScorer

    format = _format(version)
    path, sha256 = _place(version, format)
    content = read_model(path, format)
    actual = hashlib.sha256(content).hexdigest()
    if actual != sha256:
        raise Unmeasurable(
            f"{path.name} has the digest {actual[:12]}…, but {sha256[:12]}… was registered. It is not the artifact of this version."
        )
    return FileScorer(content, path.name, label((version.output or {}).get("positive", 1)), format)


def _format(version: ModelVersion) -> str:
    """The registered format, ONNX where none was named. Raises Unmeasurable where there is no reader for it."""
    found = version.artifact_format.lower() or "onnx"
    if found not in ENDINGS:
        raise Unmeasurable(
            f"The artifact is registered as {version.artifact_format[:40]}, for which there is no reader here; "
            f"there is one for {', '.join(ENDINGS)}. Register an ONNX export, or compare the endpoints of two versions."
        )
    return found


def _place(version: ModelVersion, format: str) -> tuple[Path, str]:
    """The path and the registered digest of the version's only model file. Raises Unmeasurable without one."""
    named = [row for row in version.artifact_files or [] if str(row.get("path", "")).lower().endswith(ENDINGS[format])]
    chosen = named or list(version.artifact_files or [])
    if len(chosen) != 1 or not version.artifact_uri:
        raise Unmeasurable(
            "The version does not name one model file and where it is. The pipeline does when it registers it."
        )
    base = version.artifact_uri.rstrip("/")
    is_file = base.lower().endswith(str(chosen[0]["path"]).lower())
    uri = base if is_file else f"{base}/{chosen[0]['path']}"
    return allowed_path(uri, settings.ALLOWED_DATA_ROOTS), str(chosen[0]["sha256"])
