"""The artifact digest: pure properties."""

import hashlib
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.registry.artifacts import manifest_digest, path_fault, read_artifact

ONE = {"path": "model.onnx", "sha256": "ab" * 32, "size": 7}
names = st.text(st.characters(codec="utf-8", exclude_characters="/\\\0"), min_size=1, max_size=12).filter(
    lambda n: n not in {".", ".."}
)
rows = st.lists(
    st.fixed_dictionaries({
        "path": st.lists(names, min_size=1, max_size=3).map("/".join),
        "sha256": st.binary(min_size=32, max_size=32).map(bytes.hex),
        "size": st.integers(0, 2**53 - 1),
    }),
    min_size=1, max_size=8, unique_by=lambda row: row["path"],
)  # fmt: skip


def test_the_digest_is_sha256_of_the_canonical_path_sorted_list() -> None:
    other = {"path": "a/config.json", "sha256": "cd" * 32, "size": 1}
    written = json.dumps([other, ONE], sort_keys=True, separators=(",", ":")).encode()
    assert manifest_digest([ONE, other]) == "sha256:" + hashlib.sha256(written).hexdigest()


@given(rows, st.randoms(use_true_random=False))
def test_the_digest_does_not_depend_on_the_order_of_the_list(
    files: list[dict[str, object]], shuffler: random.Random
) -> None:
    shuffled = files[:]
    shuffler.shuffle(shuffled)
    assert manifest_digest(files) == manifest_digest(shuffled)


@given(rows)
def test_every_well_formed_list_is_accepted_and_one_changed_size_changes_the_digest(
    files: list[dict[str, object]],
) -> None:
    artifact, found = read_artifact(files, "", "")
    assert artifact is not None and not found
    changed = [{**files[0], "size": (int(str(files[0]["size"])) + 1) % 2**53}, *files[1:]]
    assert manifest_digest(changed) != artifact.digest


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "a/../b", "a//b", "./a", "a\\b", "a\0b", "x" * 1001])
def test_a_path_that_leaves_the_artifact_is_refused(path: str) -> None:
    assert path_fault(path)


def test_a_single_file_and_an_image_are_aliases() -> None:
    artifact, _ = read_artifact([ONE], "", "registry.example/credit@sha256:" + "ef" * 32)
    assert artifact is not None
    assert set(artifact.aliases) == {
        ("manifest", artifact.digest),
        ("file", "sha256:" + "ab" * 32),
        ("image", "sha256:" + "ef" * 32),
    }


def test_files_of_a_larger_artifact_name_no_version() -> None:
    artifact, _ = read_artifact([ONE, {"path": "lock.txt", "sha256": "cd" * 32, "size": 1}], "", "")
    assert artifact is not None and [kind for kind, _ in artifact.aliases] == ["manifest"]


def test_a_digest_that_disagrees_with_the_files_is_refused_with_both_values() -> None:
    given_digest = "sha256:" + "00" * 32
    artifact, found = read_artifact([ONE], given_digest, "")
    assert artifact is None
    assert given_digest in found[0]["detail"] and manifest_digest([ONE]) in found[0]["detail"]


def test_a_version_without_bytes_is_refused() -> None:
    assert read_artifact([], "", "registry.example/credit:latest")[1][0]["code"] == "NO_BYTES"
