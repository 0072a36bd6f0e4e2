"""Cases of the corpus: entries, places, heads and proofs that are not what they were."""

from tests.dossiers.authorities import Authority
from tests.dossiers.bundles import Bundle
from tests.dossiers.damages import (
    BAD,
    COUNTS,
    EVENTS,
    HEAD,
    ISSUED,
    LEAVES,
    LIED,
    MENDED,
    NO_LEAVES,
    PROOFS,
    UNKNOWN,
    Damage,
    both,
    cut_path,
    drop,
    edit,
    falsely_cosigned,
    forked,
    key_for,
    lines,
    other_log,
    pattern,
    put,
    replayed,
    resigned,
    with_head,
    without_last,
    witnessed,
)

ENTRIES = {
    **{
        f"an entry with another {name}": Damage(
            BAD, pattern(EVENTS, b'"%s":"[^"]*"' % name.encode(), b'"%s":"%s"' % (name.encode(), new)), MENDED
        )
        for name, new in {
            "actor": b"user:u2",
            "at": b"2026-11-24T10:00:00.000000Z",
            "id": b"00000000-0000-7000-8000-000000000099",
            "verb": b"workflow.rejected",
            "subject": b"model_version:13",
            "reason": b"Because",
            "request": b"r9",
        }.items()
    },
    "an entry that binds another record": Damage(
        BAD, pattern(EVENTS, rb'"digest":"sha256:[0-9a-f]{64}"', b'"digest":"sha256:' + b"0" * 64 + b'"'), MENDED
    ),
    "an entry with other facts": Damage(BAD, edit(EVENTS, b'"seen":', b'"scen":'), MENDED),
    "an entry with a field dropped": Damage(BAD, edit(EVENTS, b',"reason":""', b""), MENDED),
    "an entry with a field inserted": Damage(BAD, edit(EVENTS, b',"reason":""', b',"reason":"","remark":""'), MENDED),
    "an entry with a number": Damage(BAD, edit(EVENTS, b'"reason":""', b'"reason":0'), MENDED),
    "an entry with a key twice": Damage(BAD, edit(EVENTS, b',"reason":""', b',"reason":"","reason":""'), MENDED),
    "an entry with spaces": Damage(BAD, edit(EVENTS, b'"v":"1"', b'"v": "1"'), LIED),
    "an entry with its keys in another order": Damage(
        BAD,
        edit(EVENTS, b'"v":"1","verb":"registry.version_registered"', b'"verb":"registry.version_registered","v":"1"'),
        LIED,
    ),
    "an entry with an escaped letter": Damage(
        BAD, edit(EVENTS, b'"model_version:12"', b'"model_version\\u003a12"'), LIED
    ),
    "an entry with a look-alike letter": Damage(BAD, edit(EVENTS, b'"review:r1"', '"r\u0435view:r1"'.encode()), MENDED),
    "entries behind a byte order mark": Damage(
        BAD, lambda b: b.files.update({EVENTS: b"\xef\xbb\xbf" + b.files[EVENTS]}), LIED
    ),
    "entries that are not UTF-8": Damage(BAD, edit(EVENTS, b"model_version", b"model\xffversion"), LIED),
    "entries that are cut off": Damage(BAD, lambda b: b.files.update({EVENTS: b.files[EVENTS][:-1]}), LIED),
    "an empty line among entries": Damage(BAD, edit(EVENTS, b"\n", b"\n\n"), LIED),
    "an entry left out": Damage(BAD, without_last, LIED),
    "an entry left out, relisted": Damage(BAD, without_last, MENDED),
    "a leaf left out": Damage(BAD, lines(LEAVES, lambda found: found[:-1]), LIED),
    "an entry twice": Damage(BAD, both(*(lines(n, lambda f: [f[0], *f]) for n in (EVENTS, LEAVES))), LIED),
    "two entries swapped": Damage(
        BAD, both(*(lines(n, lambda f: [f[1], f[0], *f[2:]]) for n in (EVENTS, LEAVES))), LIED
    ),
    "two leaves swapped": Damage(BAD, lines(LEAVES, lambda f: [f[1], f[0], *f[2:]]), LIED),
    "all entries in reverse": Damage(BAD, both(*(lines(n, lambda f: f[::-1]) for n in (EVENTS, LEAVES))), LIED),
    "no entries": Damage(BAD, both(put(EVENTS, b""), put(LEAVES, b"")), LIED),
    "a leaf with another place": Damage(BAD, pattern(LEAVES, rb'"seq":1', b'"seq":0'), LIED),
    "a leaf with another counter": Damage(BAD, edit(LEAVES, b'"n":1', b'"n":2'), LIED),
    "a leaf with a negative counter": Damage(BAD, edit(LEAVES, b'"n":0', b'"n":-1'), LIED),
    "a leaf with one key more": Damage(BAD, edit(LEAVES, b'"n":0,', b'"n":0,"o":0,'), LIED),
    "leaves of another log": Damage(BAD, replayed, LIED),
    "a count too high": Damage(BAD, edit(COUNTS, b"model_version:12,2", b"model_version:12,3"), LIED),
    "a count too low": Damage(BAD, edit(COUNTS, b"model_version:12,2", b"model_version:12,1"), LIED),
    "a count with a leading zero": Damage(BAD, edit(COUNTS, b"model_version:12,2", b"model_version:12,02"), LIED),
    "an object left out of the counts": Damage(BAD, edit(COUNTS, b"review:r1,2\n", b""), LIED),
    "an object twice in the counts": Damage(BAD, edit(COUNTS, b"review:r1,2\n", b"review:r1,2\nreview:r1,2\n"), LIED),
    "counts without a head line": Damage(BAD, edit(COUNTS, b"subject,count\n", b""), LIED),
    "counts with CR LF": Damage(BAD, edit(COUNTS, b"\n", b"\r\n"), LIED),
    "counts that are no table": Damage(BAD, put(COUNTS, b"subject\nmodel_version:12\n"), LIED),
}

PROOFS_AND_HEADS = {
    "another root": Damage(BAD, with_head(lambda h: h.replace(h.split("\n")[2], "A" * 43 + "=")), MENDED),
    "another size": Damage(BAD, with_head(lambda h: h.replace("\n10\n", "\n11\n")), MENDED),
    "a size with a leading zero": Damage(BAD, with_head(lambda h: h.replace("\n10\n", "\n010\n")), MENDED),
    "a line more in the head": Damage(BAD, with_head(lambda h: h.replace("\n\n", "\nmore\n\n")), MENDED),
    "a head with CR LF": Damage(BAD, with_head(lambda h: h.replace("\n10\n", "\r\n10\n")), MENDED),
    "a head without its last line end": Damage(BAD, with_head(lambda h: h[:-1]), MENDED),
    "a head without signatures": Damage(BAD, with_head(lambda h: h[: h.index("\u2014")]), MENDED),
    "a signature line that is none": Damage(BAD, with_head(lambda h: h + "not a signature\n"), MENDED),
    "a hyphen for the dash": Damage(BAD, with_head(lambda h: h.replace("\u2014", "-")), MENDED),
    "a look-alike letter in the log's name": Damage(
        BAD, with_head(lambda h: h.replace("log.test/a", "log.test/\u0430")), MENDED
    ),
    "a look-alike letter in the signer's name": Damage(
        UNKNOWN, with_head(lambda h: h.replace("\u2014 log.test/a", "\u2014 log.test/\u0430")), MENDED
    ),
    "a signature in another spelling": Damage(
        BAD, with_head(lambda h: h.replace("=\n", "\n") if h.endswith("=\n") else h[:-1] + "=\n"), MENDED
    ),
    "another state of the log in the payload": Damage(
        BAD, lambda b: b.files.update({"data/checkpoint.txt": b.log.head(4).encode()}), MENDED
    ),
    "a head of the same log before the issue": Damage(
        BAD, lambda b: b.files.update({HEAD: b.log.head(b.size).encode()}), MENDED
    ),
    "an unsigned copy of another head": Damage(BAD, lambda b: b.files.update({HEAD: forked(b)}), MENDED),
    "the head of another log": Damage(BAD, lambda b: b.files.update({HEAD: other_log(b)}), MENDED),
    "everything signed by another key under the same name": Damage(
        UNKNOWN, resigned, trust=lambda b: {"vkeys": [str(Bundle(b.seal).log.signer.verifier)]}
    ),
    "another log is trusted": Damage(BAD, trust=lambda b: {"origin": "log.test/b"}),
    "a key revoked before": Damage(BAD, trust=key_for(revoked_after_size=9)),
    "a key that begins later": Damage(BAD, trust=key_for(valid_from_size="11")),
    "a shorter path": Damage(BAD, cut_path, MENDED),
    "a longer path": Damage(BAD, edit(ISSUED, b"\n\n", b"\n" + b"A" * 43 + b"=\n\n"), MENDED),
    "a hash of 31 bytes in a path": Damage(
        BAD, pattern(ISSUED, rb"\n[A-Za-z0-9+/=]+\n\n", b"\n" + b"A" * 40 + b"AA==\n\n"), MENDED
    ),
    "a path for another place": Damage(BAD, pattern(ISSUED, rb"index \d+", b"index 3"), MENDED),
    "a proof of another kind": Damage(BAD, edit(ISSUED, b"@v1", b"@v2"), MENDED),
    "two proofs swapped": Damage(
        BAD,
        lambda b: b.files.update(
            {
                "proof/events/1.tlog-proof": b.files["proof/events/3.tlog-proof"],
                "proof/events/3.tlog-proof": b.files["proof/events/1.tlog-proof"],
            }
        ),
        MENDED,
    ),
    "the issue of something else": Damage(
        BAD,
        lambda b: b.files.update(
            {
                "proof/issued.entry.json": b.log.entries[1],
                "proof/issued.leaf.json": b.log.leaves[1],
                ISSUED: b.files["proof/events/1.tlog-proof"],
            }
        ),
        MENDED,
    ),
    "leaves that are cut off": Damage(
        BAD, lambda b: b.files.update({"proof/leaves.bin": b.files["proof/leaves.bin"][:-32]}), MENDED
    ),
    "one leaf more": Damage(
        BAD, lambda b: b.files.update({"proof/leaves.bin": b.files["proof/leaves.bin"] + b"\x00" * 32}), MENDED
    ),
    "another leaf": Damage(
        BAD, lambda b: b.files.update({"proof/leaves.bin": b"\x00" * 32 + b.files["proof/leaves.bin"][32:]}), MENDED
    ),
    "a wrong proof beside all leaves": Damage(
        BAD, pattern(PROOFS, rb'"3":\["[^"]+"', b'"3":["' + b"A" * 43 + b'="'), MENDED
    ),
    "a wrong proof without the leaves": Damage(
        BAD, both(NO_LEAVES, pattern(PROOFS, rb'"8":\["[^"]+"', b'"8":["' + b"A" * 43 + b'="')), MENDED
    ),
    "a proof twice": Damage(BAD, pattern(PROOFS, rb'("3":\[[^\]]*\])', rb"\1,\1"), MENDED),
    "no proof of continuation at all": Damage(BAD, both(NO_LEAVES, drop(PROOFS)), MENDED),
    "an earlier head that was rewritten": Damage(BAD, prior=forked),
    "an earlier head that was rewritten, by proof": Damage(BAD, NO_LEAVES, MENDED, prior=forked),
    "an earlier head of another log": Damage(BAD, prior=other_log),
    "an earlier head that is no head": Damage(BAD, prior=lambda b: b"hello\n"),
    "a time stamp over something else": Damage(
        BAD, lambda b: b.files.update({"proof/checkpoint.tsr": b.authority.stamp(b"x")}), MENDED, is_stamped=True
    ),
    "a time stamp that is garbage": Damage(
        BAD, put("proof/checkpoint.tsr", b"\x30\x03\x02\x01\x00"), MENDED, is_stamped=True
    ),
    "a time stamp of somebody else": Damage(
        BAD, is_stamped=True, trust=lambda b: {"tsa_roots": [Authority().root_pem]}
    ),
    "a witness with another time": Damage(BAD, falsely_cosigned, MENDED, trust=witnessed),
}
