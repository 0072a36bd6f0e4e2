"""The words of a version's registration, checked one by one, so that a refusal names every place that is wrong at once."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import rfc8785

from apps.core.fetch import is_allowed
from apps.core.models import digest_of
from apps.registry.artifacts import HEX, Artifact, fault, read_artifact
from apps.registry.models import DatasetLink, ModelVersion

VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,59}")
PROTOCOLS = ("oip-v2", "mlflow")
OUTPUTS = ("binary_classification", "multiclass", "regression")
TRAINING = ("run_id", "code_commit", "environment_lock", "seed", "parameters", "metrics")

Faults = list[dict[str, str]]


@dataclass(frozen=True)
class Registration:
    """What a caller sends to register a version, in the words of the API."""

    version: str
    reason: str
    files: Sequence[Mapping[str, Any]] = ()
    digest: str = ""
    format: str = ""
    uri: str = ""
    image: str = ""
    training: Mapping[str, Any] = field(default_factory=dict)
    features: Sequence[Any] = ()
    endpoint: Mapping[str, Any] = field(default_factory=dict)
    output: Mapping[str, Any] = field(default_factory=dict)
    datasets: Sequence[Mapping[str, Any]] = ()
    developers: Sequence[str] = ()
    reason_note: str = ""


def text_fault(value: Any, pointer: str) -> Faults:
    """What keeps a JSON value from having one canonical form: huge integers, NaN, NUL, half a surrogate pair."""
    try:
        digest_of(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as refused:
        return [fault(pointer, "NOT_CANONICAL", f"This value has no canonical JSON form: {refused}.")]
    if "\\u0000" in repr(value).replace("\\x00", "\\u0000"):
        return [fault(pointer, "NOT_CANONICAL", "The character U+0000 is not allowed.")]
    return []


def unknown_keys(given: Mapping[str, Any], known: Collection[str], pointer: str) -> Faults:
    """A fault for each key that nobody would read."""
    words = ", ".join(known)
    return [
        fault(f"{pointer}/{key}", "UNKNOWN_FIELD", f"There is no such field. Known: {words}.")
        for key in given
        if key not in known
    ]


def training_faults(training: Mapping[str, Any]) -> Faults:
    """What is wrong with how a version says it was trained."""
    found = unknown_keys(training, TRAINING, "/training") + text_fault(dict(training), "/training")
    for key in ("parameters", "metrics"):
        if not isinstance(training.get(key, {}), dict):
            found.append(fault(f"/training/{key}", "NOT_AN_OBJECT", "This is an object of names and values."))
    for key in ("run_id", "code_commit", "environment_lock"):
        if not isinstance(training.get(key, ""), str):
            found.append(fault(f"/training/{key}", "NOT_TEXT", "This is text."))
    return found


def read_features(features: Sequence[Any]) -> tuple[list[dict[str, Any]], Faults]:
    """Features as [{name, type?, reason?}]; a bare name is allowed."""
    rows: list[dict[str, Any]] = []
    found: Faults = []
    seen: set[str] = set()
    for index, given in enumerate(features):
        here = f"/features/{index}"
        row = {"name": given} if isinstance(given, str) else given
        if not isinstance(row, dict) or not isinstance(row.get("name"), str) or not row["name"]:
            found.append(fault(here, "NO_NAME", "A feature is a name, or an object with a name."))
            continue
        if not all(isinstance(value, str) for value in row.values()):
            found.append(fault(here, "NOT_TEXT", "Name, type and reason of a feature are text."))
        found += unknown_keys(row, ("name", "type", "reason"), here)
        if row["name"] in seen:
            found.append(fault(f"{here}/name", "NAMED_TWICE", f"{row['name']} is listed twice."))
        seen.add(row["name"])
        rows.append(dict(row))
    return rows, found + text_fault(rows, "/features")


def endpoint_faults(endpoint: Mapping[str, Any], allowed_hosts: Collection[str]) -> Faults:
    """What is wrong with where a version answers. A host must be on the list, so that nothing is called by accident."""
    if not endpoint:
        return []
    known = ("url", "protocol", "model", "metrics_url")
    found = unknown_keys(endpoint, known, "/endpoint") + text_fault(dict(endpoint), "/endpoint")
    protocol = endpoint.get("protocol")
    if protocol not in PROTOCOLS:
        found.append(fault("/endpoint/protocol", "UNKNOWN", f"The protocol is one of {', '.join(PROTOCOLS)}."))
    if not isinstance(endpoint.get("model", ""), str):
        found.append(fault("/endpoint/model", "NOT_TEXT", "The model is the name that the endpoint serves it under."))
    for name in ("url", "metrics_url"):
        if name == "url" or endpoint.get(name):
            found += _host_fault(endpoint.get(name), f"/endpoint/{name}", allowed_hosts)
    return found


def _host_fault(url: Any, pointer: str, allowed_hosts: Collection[str]) -> Faults:
    """The fault of an address that is not at an allowed host."""
    try:
        may_call = isinstance(url, str) and is_allowed(url, allowed_hosts)
    except ValueError:
        may_call = False
    if may_call:
        return []
    listed = ", ".join(allowed_hosts) or "none"
    sentence = (
        f"{str(url)[:200]!r} is not at a host that may be called; allowed hosts: {listed}. "
        "An administrator of the installation adds host and port to ALLOWED_SCORING_HOSTS."
    )
    return [fault(pointer, "HOST_NOT_ALLOWED", sentence)]


def output_faults(output: Mapping[str, Any]) -> Faults:
    """What is wrong with what a version says it answers with."""
    if not output:
        return []
    found = unknown_keys(output, ("kind", "positive", "threshold"), "/output") + text_fault(dict(output), "/output")
    if output.get("kind") not in OUTPUTS:
        found.append(fault("/output/kind", "UNKNOWN", f"The kind is one of {', '.join(OUTPUTS)}."))
    threshold = output.get("threshold", 0)
    if isinstance(threshold, bool) or not isinstance(threshold, int | float):
        found.append(fault("/output/threshold", "NOT_A_NUMBER", "The threshold is a number."))
    if isinstance(output.get("positive"), dict | list):
        found.append(fault("/output/positive", "NOT_A_VALUE", "The positive class is one value."))
    return found


def link_faults(links: Sequence[Mapping[str, Any]]) -> Faults:
    """What is wrong with the datasets that a version names."""
    found: Faults = []
    seen: set[tuple[str, ...]] = set()
    for index, link in enumerate(links):
        here = f"/datasets/{index}"
        if link["role"] not in DatasetLink.Role.values:
            sentence = f"The role is one of {', '.join(DatasetLink.Role.values)}."
            found.append(fault(f"{here}/role", "UNKNOWN", sentence))
        if link.get("sha256") and not HEX.fullmatch(link["sha256"]):
            found.append(fault(f"{here}/sha256", "SHA256", "A sha256 is 64 hexadecimal digits in lower case."))
        key = (link["namespace"], link["name"], link["version"], link["role"])
        if key in seen:
            found.append(
                fault(here, "NAMED_TWICE", f"{link['name']} {link['version']} is listed twice as {link['role']}.")
            )
        seen.add(key)
        found += text_fault(dict(link), here)
    return found


def read_content(given: Registration, allowed_hosts: Collection[str]) -> tuple[dict[str, Any], Artifact | None, Faults]:
    """The columns of a version, its artifact, and everything that is wrong."""
    artifact, found = read_artifact(given.files, given.digest, given.image)
    features, feature_faults = read_features(given.features)
    if not VERSION.fullmatch(given.version):
        sentence = "A version is 1 to 60 letters, digits, dots, dashes, underscores or plus signs."
        found.append(fault("/version", "VERSION", sentence))
    if given.reason not in ModelVersion.Reason.values:
        found.append(fault("/reason", "UNKNOWN", f"The reason is one of {', '.join(ModelVersion.Reason.values)}."))
    found += feature_faults + training_faults(given.training) + output_faults(given.output)
    found += endpoint_faults(given.endpoint, allowed_hosts) + link_faults(given.datasets)
    for name in ("version", "format", "uri", "image", "reason_note"):
        found += text_fault(getattr(given, name), f"/{name}")
    columns = {
        "version": given.version,
        "artifact_digest": artifact.digest if artifact else "",
        "artifact_format": given.format,
        "artifact_uri": given.uri,
        "artifact_files": [dict(row) for row in artifact.files] if artifact else [],
        "image": given.image,
        "training": dict(given.training),
        "features": features,
        "endpoint": dict(given.endpoint),
        "output": dict(given.output),
        "reason": given.reason,
        "reason_note": given.reason_note,
    }
    return columns, artifact, found
