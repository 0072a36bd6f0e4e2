"""Ways to put a bundle into a folder or an archive, good ones and tricks."""

import os
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.dossiers.bundles import Bundle

Shape = Callable[[Bundle, Path], Path]
WHEN = (2026, 11, 25, 10, 0, 0)


def zipped(bundle: Bundle, folder: Path, top: str = "", method: int = zipfile.ZIP_DEFLATED) -> Path:
    """A .zip with the files."""
    path = folder / "bundle.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in bundle.files.items():
            archive.writestr(zipfile.ZipInfo(top + name, WHEN), content, compress_type=method)
    return path


def with_top(bundle: Bundle, folder: Path) -> Path:
    """A .zip with one folder around everything."""
    return zipped(bundle, folder, top="dossier-d1/")


def stored(bundle: Bundle, folder: Path) -> Path:
    """A .zip that does not compress."""
    return zipped(bundle, folder, method=zipfile.ZIP_STORED)


def squeezed(bundle: Bundle, folder: Path) -> Path:
    """A .zip that compresses in another way."""
    return zipped(bundle, folder, method=zipfile.ZIP_BZIP2)


def unpacked(bundle: Bundle, folder: Path) -> Path:
    """A folder."""
    return bundle.write(folder / "bag")


def with_entry(name: str, content: bytes = b"x", attributes: int = 0) -> Shape:
    """A .zip with one more entry, which may call itself whatever it likes."""

    def shape(bundle: Bundle, folder: Path) -> Path:
        path = zipped(bundle, folder)
        with zipfile.ZipFile(path, "a") as archive:
            entry = zipfile.ZipInfo(name, WHEN)
            entry.external_attr = attributes
            archive.writestr(entry, content)
        return path

    return shape


def with_link_in_archive(bundle: Bundle, folder: Path) -> Path:
    """A .zip in which a payload file is a link to another."""
    name = next(found for found in bundle.files if found.startswith("data/blobs/"))
    content = bundle.files.pop(name)
    shape = with_entry(name, content, (stat.S_IFLNK | 0o777) << 16)
    return shape(bundle, folder)


def changed(change: Callable[[bytes], bytes]) -> Shape:
    """A .zip whose bytes are changed afterwards."""

    def shape(bundle: Bundle, folder: Path) -> Path:
        path = stored(bundle, folder)
        path.write_bytes(change(path.read_bytes()))
        return path

    return shape


def other_local_name(content: bytes) -> bytes:
    """The name before the content of bag-info.txt differs from the one in the directory."""
    return content.replace(b"bag-info.txt", b"bag-inf0.txt", 1)


def other_content(content: bytes) -> bytes:
    """The content of bag-info.txt differs from its CRC-32."""
    return content.replace(b"Source-Organization: Test", b"Source-Organization: Tost", 1)


def encrypted(content: bytes) -> bytes:
    """The first entry of the directory says that it is encrypted."""
    at = content.index(b"PK\x01\x02")
    flags = struct.unpack("<H", content[at + 8 : at + 10])[0] | 1
    return content[: at + 8] + struct.pack("<H", flags) + content[at + 10 :]


def with_link(target: str, name: str = "data/link") -> Shape:
    """A folder with a link in it."""

    def shape(bundle: Bundle, folder: Path) -> Path:
        path = unpacked(bundle, folder)
        os.symlink(target, path / name)
        return path

    return shape


def linked_member(bundle: Bundle, folder: Path) -> Path:
    """A folder in which a listed file is a link to a copy of it outside."""
    path = unpacked(bundle, folder)
    (path / "bag-info.txt").rename(folder / "outside.txt")
    os.symlink("../outside.txt", path / "bag-info.txt")
    return path


def pdf_only(bundle: Bundle, folder: Path) -> Path:
    """The sealed PDF alone."""
    path = folder / "dossier.pdf"
    path.write_bytes(bundle.files["data/dossier.pdf"])
    return path


def entry_only(bundle: Bundle, folder: Path) -> Path:
    """One entry with its leaf and proof."""
    path = folder / "entry"
    path.mkdir()
    seq, end = 1, len(bundle.log.leaves)
    (path / "entry.json").write_bytes(bundle.log.entries[seq])
    (path / "leaf.json").write_bytes(bundle.log.leaves[seq])
    (path / "entry.tlog-proof").write_bytes(bundle.log.proof(seq, end))
    return path


def other_entry_only(bundle: Bundle, folder: Path) -> Path:
    """One entry with the leaf and proof of another."""
    path = entry_only(bundle, folder)
    (path / "entry.json").write_bytes(bundle.log.entries[2])
    return path
