"""One true-to-shape example for each call of the log."""

ENTRY = {
    "seq": 4711,
    "n": 12,
    "id": "01930000-0000-7000-8000-000000000001",
    "at": "2026-11-20T10:05:47.120000Z",
    "actor": "user:01930000-0000-7000-8000-00000000000a",
    "verb": "workflow.signed_off",
    "subject": "review:01930000-0000-7000-8000-00000000000b",
    "reason": "Fit for use, one limitation",
    "data": {"meaning": "approved", "role": "risk_officer"},
    "changes": ["model_version:01930000-0000-7000-8000-00000000000c"],
    "row": {"id": "workflow.signature:01930000-0000-7000-8000-00000000000d", "digest": "sha256:" + "0" * 64},
    "digest": "sha256:" + "0" * 64,
    "body": '{"actor":"user:01930000-0000-7000-8000-00000000000a"}',
    "leaf": '{"entry":"sha256:0000","log":"imprimatur.local/log/1a2b3c4d","n":12,"seq":4711,"v":1}',
    "leaf_hash": "0" * 64,
    "url": "/audit/4711/",
}
HASH = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
NOTE = f"imprimatur.local/log/1a2b3c4d\n4812\n{HASH}\n\n\u2014 imprimatur.local/log/1a2b3c4d salPo3oq\n"
PROOF = f"c2sp.org/tlog-proof@v1\nindex 4711\n{HASH}\n\n{NOTE}"
CHECKPOINT = {
    "origin": "imprimatur.local/log/1a2b3c4d",
    "size": 4812,
    "root": HASH,
    "note": NOTE,
    "vkeys": ["imprimatur.local/log/1a2b3c4d+b1a94fa3+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"],
    "signed_at": "2026-11-20T10:05:48Z",
    "unanchored": {
        "entries": 12,
        "oldest_at": "2026-11-20T10:01:10Z",
        "anchored_size": 4800,
        "anchored_at": "2026-11-20T10:00:02Z",
        "kinds": ["rfc3161"],
        "sentence": "The first 4800 entries are below a signed head that was given outside (time stamp); 12 newer ones, the oldest"
        " of 2026-11-20 10:01 UTC, are only as good as the operator.",
    },
}
ANCHOR = {
    "id": 7,
    "size": 4800,
    "kind": "rfc3161",
    "note": NOTE.replace("4812", "4800"),
    "stamped_at": "2026-11-20T10:00:01Z",
    "at": "2026-11-20T10:00:02Z",
    "url": "/api/v1/audit/anchors/7",
}
INCLUSION = {"seq": 4711, "size": 4812, "leaf_hash": HASH, "hashes": [HASH, HASH], "root": HASH, "checkpoint": NOTE}
CONSISTENCY = {"from": 4096, "to": 4812, "hashes": [HASH], "root_from": HASH, "root_to": HASH}
