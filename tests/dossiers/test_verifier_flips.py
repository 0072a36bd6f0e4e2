"""No byte of a bundle can be changed without both verifiers noticing. The longer runs are in `python -m tests.dossiers.flips`."""

import json
from pathlib import Path

import pytest

from tests.dossiers import flips, second
from tests.dossiers.bundles import Authority, Bundle, Seal

needs_node = pytest.mark.skipif(second.is_missing(), reason="Node 18 or later is not installed")
SAMPLE = 100
BITS = [1 << bit for bit in range(8)]


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return flips.small(Seal())


@pytest.fixture(scope="module")
def stamped() -> Bundle:
    """With a time stamp, whose checks take a program each: changed in places only here, everywhere by the command."""
    return flips.small(Seal(), Authority())


@pytest.fixture
def written(bundle: Bundle, tmp_path: Path) -> tuple[Path, Path]:
    trust = tmp_path / "trust.json"
    trust.write_text(json.dumps(bundle.trust()))
    return bundle.write(tmp_path / "bag"), trust


def one_bit(bundle: Bundle) -> list[flips.Flip]:
    """Every byte of every member but the PDF, each with another of its bits changed than its neighbours."""
    places = flips.every_byte(bundle.files, [1])
    return [(name, place, BITS[number % 8]) for number, (name, place, _) in enumerate(places)]


def forged(bundle: Bundle) -> list[flips.Flip]:
    """Every seventh byte of what the log binds, for somebody who mends both manifests afterwards."""
    left_out = {flips.PDF, *flips.FOR_PEOPLE, *flips.MANIFESTS}
    return list(flips.every_byte(bundle.files, [1], left_out))[::7]


def test_python_notices_every_changed_byte(bundle: Bundle) -> None:
    changes = one_bit(bundle)
    assert len({(name, place) for name, place, _ in changes}) == sum(
        len(content) for name, content in bundle.files.items() if name != flips.PDF
    )
    assert flips.missed_by_first(bundle.files, json.dumps(bundle.trust()).encode(), changes) == []


@needs_node
def test_javascript_notices_every_changed_byte(bundle: Bundle, written: tuple[Path, Path]) -> None:
    assert flips.missed_by_second(*written, one_bit(bundle)) == []


def test_python_notices_what_a_forger_without_keys_mends(bundle: Bundle) -> None:
    trust = json.dumps(bundle.trust()).encode()
    assert flips.missed_by_first(bundle.files, trust, forged(bundle), is_mended=True) == []


@needs_node
def test_javascript_notices_what_a_forger_without_keys_mends(bundle: Bundle, written: tuple[Path, Path]) -> None:
    assert flips.missed_by_second(*written, forged(bundle), is_mended=True) == []


def test_both_notice_random_changes_of_a_whole_bundle_and_of_the_place_of_its_seal(
    stamped: Bundle, tmp_path: Path
) -> None:
    changes = list(flips.at_random(stamped.files, SAMPLE, seed=7))
    assert sum(name == flips.PDF for name, _, _ in changes) >= SAMPLE // 10
    changes += [change for change in one_bit(stamped) if change[0] == "proof/checkpoint.tsr"][::50]
    bundle, trust = stamped.write(tmp_path / "bag"), tmp_path / "trust.json"
    trust.write_text(json.dumps(stamped.trust()))
    assert flips.missed_by_first(stamped.files, trust.read_bytes(), changes) == []
    if not second.is_missing():
        assert flips.missed_by_second(bundle, trust, changes) == []
