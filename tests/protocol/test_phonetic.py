# SPDX-License-Identifier: EUPL-1.2
"""Spelling variants of a name sound the same; other names do not. Vectors: tests/vectors/phonetic.json."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.names import fold
from protocol.phonetic import sound_of

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "phonetic.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("code", sorted(VECTORS["codes"]))
def test_variants_have_the_code_of_the_vectors(code: str) -> None:
    """Every variant of a name has the one code that the vectors state."""
    assert {sound_of(fold(name)) for name in VECTORS["codes"][code]} == {code}


@pytest.mark.parametrize("names", VECTORS["apart"], ids=" ".join)
def test_other_names_stay_apart(names: list[str]) -> None:
    """Names that are each common and not each other's variants have different codes."""
    assert len({sound_of(fold(name)) for name in names}) == len(names)


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=40))
def test_every_word_has_a_short_code_of_capitals(word: str) -> None:
    """A code is never empty, holds capital letters only, and is at most twice as long as its word."""
    code = sound_of(word)
    assert code.isalpha()
    assert code.isupper()
    assert len(code) <= 2 * len(word)


@given(st.text(alphabet="abdefghijklmnoprstuvwz", min_size=1, max_size=12), st.sampled_from("bdfgklmnprt"))
def test_doubling_a_consonant_changes_nothing(word: str, consonant: str) -> None:
    """Bakker and Baker, Jansen and Jannsen: a consonant may be written once or twice between vowels."""
    assert sound_of(f"{word}a{consonant}a") == sound_of(f"{word}a{consonant * 2}a")
