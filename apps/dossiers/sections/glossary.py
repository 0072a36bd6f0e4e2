"""Words that a reader outside may not know."""

WORDS = (
    (
        "Approval manifest",
        "The list of digests that an approval was given for: artifact, evidence, policy, process, data, open findings, waivers.",
    ),
    ("Attested", "Stated by a named person. Never shown like a measurement."),
    ("AUC", "Chance that a case with the outcome scores higher than one without."),
    ("Checkpoint", "Signed statement of the size and the root of the log at a moment."),
    ("Clearance", "Standing answer of the gate for one version in one environment."),
    ("Computed", "Measured by a named check on inputs with named digests."),
    ("Condition", "What an approval still asks for. Late, it suspends the approval by itself."),
    ("Digest", "SHA-256 of the exact bytes; one changed bit gives another digest."),
    ("Entry, leaf", "What happened, as canonical bytes; its place in the log."),
    ("Finding", "Something wrong or unproven, with an owner and a date. Closed by someone other than who answered it."),
    ("Impact ratio", "Rate of positive decisions of a group divided by that of the reference group."),
    ("Inclusion proof", "Hashes that lead from one entry to the signed root."),
    ("Interval", "Range that holds the true value in 95 of 100 repetitions; 95 % unless another share is named."),
    ("Opaque", "Nothing is known of how the data came about at this step."),
    (
        "Proven, declared, assumed",
        "A run said so column by column; a person or a design said so; only the datasets are known to be connected.",
    ),
    ("Seal", "Electronic seal of the organisation over the whole file. It is no signature of a person."),
    ("Tier", "1 (highest) to 4: how much a use case matters and can go wrong."),
    ("Waiver", "Accepted gap: one requirement, one version, an end. It never counts as met."),
)


def glossary() -> list[list[str]]:
    """Words with their meanings."""
    return [list(row) for row in WORDS]
