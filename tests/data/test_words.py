"""The digits' names as one-hot text, and what reads it."""

import numpy as np
import pytest

from keras_vae.data import classify_words, digit_words, texts_of


def test_every_name_stands_once_at_every_place_where_it_fits():
    texts, digits = digit_words(6)
    assert texts.shape == (3 * 4 + 4 * 3 + 3 * 2, 6, 16)  # three names of three letters, four of four, three of five
    np.testing.assert_array_equal(texts.sum(axis=-1), 1.0)
    read = texts_of(texts)
    assert len(set(read)) == len(read)
    assert [text for text, digit in zip(read, digits, strict=True) if digit == 7] == ["seven ", " seven"]


def test_all_names_are_read_and_nothing_else():
    texts, digits = digit_words()
    np.testing.assert_array_equal(classify_words(0.5 * texts + 0.01).argmax(axis=-1), digits)
    misspelled = texts[digits == 3][:1].copy()
    misspelled[0, 0] = np.roll(misspelled[0, 0], 1)
    doubled = np.concatenate([digit_words(5)[0][:2, :4]] * 2, axis=1)
    blank = np.zeros((1, 8, 16))
    for wrong in (misspelled, doubled, blank):
        np.testing.assert_array_equal(classify_words(wrong).argmax(axis=-1), 10)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: digit_words(4), ValueError, "length"),
        (lambda: digit_words(5.5), TypeError, "length"),
        (lambda: texts_of(np.zeros((3, 8))), ValueError, r"\[texts, length, 16\]"),
        (lambda: classify_words(["zero"]), TypeError, "x must hold real numbers"),
    ],
)
def test_what_is_no_text_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
