"""Texts as hasty writers leave them."""

from __future__ import annotations

import random
from string import ascii_lowercase


def add_typos(text: str, share: float, generator: random.Random) -> str:
    """Misspell each word with probability ``share``: a letter is doubled, lost, another, or swapped with the next.

    Words of one letter stay as they are, and blanks become single spaces.
    """
    return " ".join(_typo(w, generator) if generator.random() < share and len(w) > 1 else w for w in text.split())


def _typo(word: str, generator: random.Random) -> str:
    at = generator.randrange(len(word) - 1)
    before, here, following, after = word[:at], word[at], word[at + 1], word[at + 2 :]
    middles = (here * 2 + following, following, generator.choice(ascii_lowercase) + following, following + here)
    return before + generator.choice(middles) + after


def drop_words(text: str, share: float, generator: random.Random) -> str:
    """Leave out each word with probability ``share``, but never all of them."""
    words = text.split()
    kept = [word for word in words if generator.random() >= share]
    return " ".join(kept or words[:1])
