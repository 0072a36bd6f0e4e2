"""C2SP tlog-tiles: names, bytes, and that nothing but tiles is needed to compute every root and proof."""

import base64
import gzip
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.audit import merkle, note, queries, services
from apps.audit.models import Checkpoint
from apps.audit.tiles import LARGEST, Tile, bundle, tiles_of
from tests.factories import api, person

PREFIX = "/api/v1/audit/"


def split(bytes_of_bundle: bytes) -> list[bytes]:
    """The leaves of a bundle, read as the specification says."""
    found, place = [], 0
    while place < len(bytes_of_bundle):
        (length,) = struct.unpack_from(">H", bytes_of_bundle, place)
        found.append(bytes_of_bundle[place + 2 : place + 2 + length])
        place += 2 + length
    return found


def node_from_tiles(content: Mapping[str, bytes], size: int) -> merkle.NodeHash:
    """Hashes of perfect subtrees from nothing but tiles, as a client computes them."""
    levels: dict[int, list[bytes]] = {}
    for tile in tiles_of(size):
        if tile.level is not None:
            found = content[tile.name]
            assert len(found) == 32 * tile.width
            levels.setdefault(tile.level, []).extend(found[start : start + 32] for start in range(0, len(found), 32))

    def node(height: int, index: int) -> bytes:
        level, above = divmod(height, 8)
        return merkle.root_of(levels[level][index << above : (index + 1) << above])

    return node


def made_from(leaves: list[bytes]) -> dict[str, bytes]:
    """Every tile of a tree, by its definition: MTH(D[(n*256+i)*256**l : (n*256+i+1)*256**l])."""
    return {
        tile.name: b"".join(
            merkle.root_of(leaves[(tile.first + i) * 256**tile.level : (tile.first + i + 1) * 256**tile.level])
            for i in range(tile.width)
        )
        for tile in tiles_of(len(leaves))
        if tile.level is not None
    }


@given(st.integers(0, 2**40), st.one_of(st.none(), st.integers(0, 2)), st.integers(1, 256))
def test_a_name_means_one_tile_and_a_tile_has_one_name(index: int, level: int | None, width: int) -> None:
    tile = Tile(level, index, width)
    assert Tile.parse(tile.name) == (tile if tile.covers <= LARGEST else None)


def test_the_names_of_the_specification() -> None:
    assert Tile(0, 1234067).name == "0/x001/x234/067"
    assert [tile.name for tile in tiles_of(256)] == ["entries/000", "0/000", "1/000.p/1"]
    found = [tile for tile in tiles_of(70_000) if tile.level is not None]
    assert sum(tile.level == 0 and tile.width == 256 for tile in found) == 273
    partial = [(tile.level, tile.width) for tile in found if tile.width < 256]
    assert partial == [(0, 112), (1, 17), (2, 1)]
    assert [tile.name for tile in tiles_of(0)] == []


@pytest.mark.parametrize(
    "name",
    ["0/0", "0/0000", "0/x000/001", "0/x001", "00/000", "64/000", "-1/000", "0/000.p/0", "0/000.p/256", "0/000.p/01",
     "0/000.p/300", "0/000.p", "entries", "Entries/000", "0/000/", "0/001/002", "7/x999/x999/999", "0/٠٠٠", "0/000\n"],
)  # fmt: skip
def test_other_spellings_are_no_tiles(name: str) -> None:
    assert Tile.parse(name) is None


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 1200), st.data())
def test_tiles_alone_give_the_root_and_every_proof(size: int, draw: Any) -> None:
    leaves = [merkle.leaf_hash(str(number).encode()) for number in range(size)]
    node = node_from_tiles(made_from(leaves), size)
    root = merkle.root_of(leaves)
    assert merkle.roots([(0, size)], node) == [root]
    index, first = draw.draw(st.integers(0, size - 1)), draw.draw(st.integers(1, size))
    assert merkle.verify_inclusion(index, size, leaves[index], merkle.inclusion_proof(index, size, node), root)
    proof = merkle.consistency_proof(first, size, node)
    assert merkle.verify_consistency(first, size, proof, merkle.root_of(leaves[:first]), root)


@given(st.lists(st.binary(max_size=70), max_size=20))
def test_a_bundle_gives_its_leaves_back(leaves: list[bytes]) -> None:
    assert split(bundle(leaves)) == leaves


@pytest.fixture
def client(db: None) -> Any:
    return api(person("auditor"))


@pytest.mark.django_db
def test_a_stranger_computes_the_signed_root_from_the_tiles_over_http(
    grow: Callable[[int], Checkpoint], client: Any
) -> None:
    grow(300)
    grow(280)
    signed = client.get(f"{PREFIX}checkpoint")
    assert signed.headers["Content-Type"] == "text/plain; charset=utf-8"
    head = note.open_checkpoint(signed.content.decode(), queries.public_keys(), queries.origin())
    content = {}
    for tile in tiles_of(head.size):
        answer = client.get(f"{PREFIX}tile/{tile.name}")
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert "immutable" in answer.headers["Cache-Control"]
        content[tile.name] = answer.content
    node = node_from_tiles(content, head.size)
    assert merkle.roots([(0, head.size)], node) == [head.root]
    leaves = [leaf for tile in tiles_of(head.size) if tile.level is None for leaf in split(content[tile.name])]
    hashed = b"".join(merkle.leaf_hash(leaf) for leaf in leaves)
    assert hashed == content["0/000"] + content["0/001"] + content[f"0/002.p/{head.size - 512}"]
    told = client.get(f"{PREFIX}proof/inclusion?seq=255").json()["hashes"]
    assert [base64.b64decode(part) for part in told] == merkle.inclusion_proof(255, head.size, node)


@pytest.mark.django_db
def test_tiles_of_earlier_heads_stay_and_those_beyond_the_signed_head_are_not_served(
    grow: Callable[[int], Checkpoint], write: Callable[..., Any], client: Any
) -> None:
    first = grow(100)
    before = client.get(f"{PREFIX}tile/0/000.p/{first.size}").content
    grow(200)
    assert client.get(f"{PREFIX}tile/0/000.p/{first.size}").content == before
    write()
    services.sequence_all()
    assert queries.tree_size() == 302
    for name, status in {
        "0/001.p/45": 200,
        "0/001.p/46": 404,
        "entries/001.p/46": 404,
        "0/001": 404,
        "1/000.p/1": 200,
        "1/000.p/2": 404,
        "2/000.p/1": 404,
        "0/0": 404,
        "8/000": 404,
    }.items():
        answer = client.get(f"{PREFIX}tile/{name}")
        assert answer.status_code == status, name
        assert status == 200 or answer.json()["code"]
    assert api().get(f"{PREFIX}tile/0/000").status_code == 401


@pytest.mark.django_db
def test_bundles_are_compressed_for_those_who_ask(grow: Callable[[int], Checkpoint], client: Any) -> None:
    grow(299)
    plain = client.get(f"{PREFIX}tile/entries/000", HTTP_ACCEPT_ENCODING="identity")
    packed = client.get(f"{PREFIX}tile/entries/000", HTTP_ACCEPT_ENCODING="gzip, br")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert len(packed.content) < len(plain.content)


@pytest.mark.django_db
def test_the_proof_of_an_entry_is_one_file_with_its_leaf(grow: Callable[[int], Checkpoint], client: Any) -> None:
    grow(20)
    answer = client.get(f"{PREFIX}entries/7/proof")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="7.tlog-proof"'
    proof = note.Proof.parse(answer.content.decode())
    assert str(proof) == answer.content.decode()
    head = note.open_checkpoint(proof.checkpoint, queries.public_keys(), queries.origin())
    assert merkle.verify_inclusion(7, head.size, merkle.leaf_hash(proof.extra), proof.hashes, head.root)
    assert client.get(f"{PREFIX}entries/99/proof").status_code == 404
    page = client.get("/audit/7/").content.decode()
    assert "/audit/7/proof.tlog-proof" in page
    assert client.get("/audit/7/proof.tlog-proof").content == answer.content


@pytest.mark.django_db
def test_the_log_is_exported_as_files_and_again_only_what_is_new(
    grow: Callable[[int], Checkpoint], tmp_path: Path, client: Any
) -> None:
    grow(300)
    call_command("export_tiles", str(tmp_path))
    kept = (tmp_path / "tile/0/000").stat().st_mtime_ns
    head = grow(10)
    call_command("export_tiles", str(tmp_path))
    assert (tmp_path / "tile/0/000").stat().st_mtime_ns == kept
    assert (tmp_path / "checkpoint").read_text() == head.note
    for tile in tiles_of(head.size):
        assert (tmp_path / "tile" / tile.name).read_bytes() == client.get(f"{PREFIX}tile/{tile.name}").content
