"""The container: BagIt (RFC 8493) as a folder or a .zip, with nothing missing and nothing extra."""

import os
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator

from apps.dossiers.verifier.strict import sha256
from apps.dossiers.verifier.verdict import CannotVerify, Tampered

DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
TAG_FILES = ("bagit.txt", "bag-info.txt", "manifest-sha256.txt")
MANIFEST_LINE = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9._/-]+)")
LARGEST_FILE = 2**31
ENCRYPTED = 1


class Bag:
    """The files of a bundle by name. Content is read when asked for, so that large blobs are not all in memory."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.archive: zipfile.ZipFile | None = None
        self.prefix = ""
        self.names: set[str] = set(self._zip_names() if os.path.isfile(path) else self._folder_names())

    def read(self, name: str) -> bytes:
        """The content of one file; Tampered when it is not there or damaged."""
        if name not in self.names:
            raise Tampered(f"The file {name} is missing.")
        if self.archive is None:
            with open(os.path.join(self.path, *name.split("/")), "rb") as file:
                return file.read()
        try:
            content = self.archive.read(self.prefix + name)
            if len(content) == self.archive.getinfo(self.prefix + name).file_size:
                return content
            raise Tampered(f"The file {name} is not as long as the archive says.")
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as damage:
            raise Tampered(f"The file {name} cannot be read from the archive: {damage}.") from damage

    def under(self, folder: str) -> list[str]:
        """Names of the files below a folder, sorted."""
        return sorted(name for name in self.names if name.startswith(folder + "/"))

    def _zip_names(self) -> Iterator[str]:
        try:
            self.archive = zipfile.ZipFile(self.path)
            listed = self.archive.infolist()
        except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError, IndexError) as damage:
            raise Tampered(f"The archive cannot be read: {damage}.") from damage
        for entry in listed:
            safe_name(entry.filename.removesuffix("/"))
            if stat.S_ISLNK(entry.external_attr >> 16) or entry.file_size > LARGEST_FILE:
                raise Tampered(f"{entry.filename} is a link or larger than 2 GB.")
            if (
                entry.orig_filename != entry.filename
                or entry.flag_bits & ENCRYPTED
                or entry.compress_type not in (0, 8)
            ):
                raise Tampered(f"{entry.filename} is stored in a way that a bundle does not use.")
        names = [entry.filename for entry in listed if not entry.is_dir()]
        if len(set(names)) != len(names):
            raise Tampered("A name stands twice in the archive.")
        tops = {name.split("/", 1)[0] for name in names}
        if "bagit.txt" not in names and len(tops) == 1:
            self.prefix = tops.pop() + "/"
        yield from (safe_name(name[len(self.prefix) :]) for name in names)

    def _folder_names(self) -> Iterator[str]:
        for folder, folders, files in os.walk(self.path):
            for name in (*folders, *files):
                whole = os.path.join(folder, name)
                if os.path.islink(whole):
                    raise Tampered(f"{os.path.relpath(whole, self.path)} is a link.")
            for name in files:
                if not os.path.isfile(os.path.join(folder, name)):
                    raise Tampered(f"{name} is not a file.")
                yield safe_name(os.path.relpath(os.path.join(folder, name), self.path).replace(os.sep, "/"))


def safe_name(name: str) -> str:
    """The name, when it cannot lead out of the bundle."""
    parts = name.split("/")
    if not name or "\\" in name or "\x00" in name or name.startswith("/") or {"", ".", ".."} & set(parts):
        raise Tampered(f"{name!r} is not a name that a bundle may hold.")
    return name


def read_manifest(bag: Bag, name: str) -> dict[str, str]:
    """Path -> SHA-256 of one manifest; Tampered when a line is not exactly as BagIt writes it here."""
    found: dict[str, str] = {}
    text = bag.read(name).decode("utf-8", "replace")
    if not text.endswith("\n"):
        raise Tampered(f"{name} does not end with a line end.")
    for line in text[:-1].split("\n"):
        match = MANIFEST_LINE.fullmatch(line)
        if not match or match[2] in found:
            raise Tampered(f"{name} has a line that is not a digest and a path, or names a path twice.")
        found[match[2]] = match[1]
    return found


def check_bag(bag: Bag) -> str:
    """Every file is listed with its digest, every listed file is there. Answers with a sentence."""
    if "bagit.txt" not in bag.names:
        raise CannotVerify("This is not a bundle: there is no bagit.txt.")
    if bag.read("bagit.txt") != DECLARATION:
        raise Tampered("bagit.txt is not the declaration of BagIt 1.0.")
    payload = read_manifest(bag, "manifest-sha256.txt")
    tags = read_manifest(bag, "tagmanifest-sha256.txt")
    if any(not name.startswith("data/") for name in payload) or any(name.startswith("data/") for name in tags):
        raise Tampered("The manifests mix payload and tag files.")
    listed = {**payload, **tags}
    missing = sorted(set(listed) - bag.names) + [name for name in TAG_FILES if name not in tags]
    extra = sorted(bag.names - set(listed) - {"tagmanifest-sha256.txt"})
    if missing:
        raise Tampered(f"Missing: {', '.join(missing[:5])}.")
    if extra:
        raise Tampered(f"Not listed in a manifest: {', '.join(extra[:5])}.")
    for name, digest in sorted(listed.items()):
        if sha256(bag.read(name)) != digest:
            raise Tampered(f"{name} is not the file that the manifest lists.")
    return f"{len(payload)} payload files and {len(tags)} others, none missing, none extra."
