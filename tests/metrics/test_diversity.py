"""Distances between draws of the same example."""

import numpy as np
import pytest

from keras_vae import metrics


def test_it_is_the_mean_over_all_pairs_of_an_example_s_draws():
    draws = np.random.default_rng(0).normal(size=(4, 3, 5, 2))
    by_hand = [
        np.mean([np.sqrt(np.mean((draws[i, example] - draws[j, example]) ** 2)) for i in range(4) for j in range(i)])
        for example in range(3)
    ]
    found = metrics.diversity(draws)
    assert found.value == pytest.approx(np.mean(by_hand), rel=1e-6)
    assert found.standard_error == pytest.approx(np.std(by_hand, ddof=1) / np.sqrt(3), rel=1e-5)


def test_one_picture_over_and_over_has_none_and_noise_has_that_of_its_scale():
    noise = np.random.default_rng(1).normal(size=(5, 20, 1000))
    assert metrics.diversity(np.repeat(noise[:1], 5, axis=0)).value == 0.0
    assert metrics.diversity(0.1 * noise).value == pytest.approx(0.1 * np.sqrt(2.0), rel=0.01)


@pytest.mark.parametrize("draws", [np.zeros((1, 3, 4)), np.zeros(4), np.full((2, 3, 4), np.nan)])
def test_a_single_draw_and_no_examples_are_refused(draws):
    with pytest.raises(ValueError, match="draws must"):
        metrics.diversity(draws)
