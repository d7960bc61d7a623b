"""The digits' names as text of one-hot characters: a third modality beside images of digits (Sutter et al. 2021)."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_vae import checks
from keras_vae.models.inputs import one_array

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
CHARACTERS = " " + "".join(sorted(set("".join(NAMES))))


def digit_words(length: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """The names of the ten digits between blanks, once for each place where they fit.

    Args:
        length: characters of a text, 5 or more.

    Returns:
        One-hot texts, float32 `[texts, length, 16]`, whose characters are " efghinorstuvwxz", and the digits `[texts]`.

    Raises:
        TypeError, ValueError: a length that is no whole number, or under that of the longest name.
    """
    length = checks.whole("length", length, max(map(len, NAMES)))
    texts, digits = [], []
    for digit, name in enumerate(NAMES):
        for start in range(length - len(name) + 1):
            texts.append((" " * start + name).ljust(length))
            digits.append(digit)
    places = np.array([[CHARACTERS.index(character) for character in text] for text in texts])
    return np.eye(len(CHARACTERS), dtype="float32")[places], np.array(digits)


def texts_of(x: Any) -> list[str]:
    """Texts of one-hot characters, or of their probabilities, `[texts, length, 16]`: of each the likeliest ones.

    Raises:
        TypeError: what holds no numbers.
        ValueError: another shape.
    """
    return ["".join(CHARACTERS[place] for place in text) for text in _characters(x).argmax(axis=-1)]


def classify_words(x: Any) -> np.ndarray:
    """Which digit a text names: a classifier as `metrics.cross_coherence` takes it, one that never guesses.

    Args:
        x: texts `[texts, length, 16]`, one-hot or probabilities, of which the likeliest characters are read.

    Returns:
        `[texts, 11]`: 1 for the digit whose name stands there, letter for letter, between blanks alone; the last is for
        every other text.

    Raises:
        TypeError, ValueError: as `texts_of`.
    """
    named = [NAMES.index(word) if (word := text.strip(" ")) in NAMES else len(NAMES) for text in texts_of(x)]
    return np.eye(len(NAMES) + 1, dtype="float32")[named]


def _characters(x):
    x = np.asarray(one_array("x", x))
    if x.ndim != 3 or x.shape[-1] != len(CHARACTERS):
        raise ValueError(f"Texts must have the shape [texts, length, {len(CHARACTERS)}]; got {list(x.shape)}.")
    return x
