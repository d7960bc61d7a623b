"""What a condition changes and what it leaves, measured where the answer is known."""

import numpy as np
import pytest

from keras_vae import metrics


def test_intraclass_correlation_is_one_for_styles_alone_and_zero_for_noise():
    rng = np.random.default_rng(0)
    styles, offsets = rng.normal(size=(500, 1)), rng.normal(size=10)
    assert metrics.intraclass_correlation(styles + offsets).value == pytest.approx(1)
    noise = rng.normal(size=(500, 10))
    assert metrics.intraclass_correlation(noise + offsets).value == pytest.approx(0, abs=0.03)
    # Styles and noise of the same variance: half of it is the styles'.
    assert metrics.intraclass_correlation(styles + noise).value == pytest.approx(0.5, abs=0.05)


def test_slant_is_the_columns_that_a_line_moves_a_row():
    images = np.zeros((2, 9, 20, 1))
    for row in range(9):
        images[0, row, 1 + 2 * row] = 0.7  # two columns to the right a row downwards
        images[1, row, 12 - row] = 1.0
    np.testing.assert_allclose(metrics.slant(images), [2.0, -1.0])


def judge(images):
    """Logits of class 1 where an image is white, else of class 0."""
    return np.stack([1 - np.ravel(images), np.ravel(images)], axis=1)


def test_class_agreement_is_the_share_of_images_in_the_class_asked_for():
    images = np.float32([0, 1, 1, 0])[:, None, None, None]
    agreement = metrics.class_agreement(images, [0, 1, 0, 0], judge)
    assert (agreement.value, agreement.examples) == (0.75, 4)
    assert agreement.standard_error == pytest.approx(0.25)


def test_class_agreement_counts_styles_not_their_classes_as_examples():
    images = np.float32([[0, 1], [0, 1], [1, 1], [1, 0]])[..., None, None, None]
    agreement = metrics.class_agreement(images, np.arange(2), judge)
    assert (agreement.value, agreement.examples) == (0.625, 4)
    assert agreement.standard_error == pytest.approx(np.std([1, 1, 0.5, 0], ddof=1) / 2)
