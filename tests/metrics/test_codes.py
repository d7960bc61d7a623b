"""Metrics of codes and of reconstructions."""

import numpy as np
import pytest

from keras_vae import metrics
from keras_vae.parts import DiscretizedLogisticLikelihood


class Codes:
    """Stands for a model whose codes, and log-likelihood, are known."""

    codes, event_shape, likelihood = 8, (4, 4, 3), DiscretizedLogisticLikelihood()

    def embed(self, x):
        return x

    def log_likelihood(self, x, **_):
        return np.full(len(x), -3.0 * np.log(2.0) * x[0].size)


def test_codebook_use_is_that_of_the_data_set():
    use = metrics.codebook_use(Codes(), np.repeat(np.arange(4), 6).reshape(4, 2, 3))  # each image of one code alone
    assert use["codes_used"].value == 4
    assert use["perplexity"].value == pytest.approx(4.0)
    assert use["perplexity"].examples == 4
    skewed = metrics.codebook_use(Codes(), np.array([[[0, 0], [0, 7]]]))["perplexity"]
    assert skewed.value == pytest.approx(0.75**-0.75 * 0.25**-0.25)


def test_bits_per_dimension_of_a_known_log_likelihood():
    estimate = metrics.bits_per_dimension(Codes(), np.zeros((5, 4, 4, 3)))
    assert estimate.value == pytest.approx(3.0)
    assert (estimate.unit, estimate.examples) == ("bits", 5)


def test_reconstruction_error_is_0_for_the_data_1_for_its_mean_and_a_half_between(images):
    mean = np.broadcast_to(images.mean(axis=0), images.shape)
    between = mean + (images - mean) * (1 - np.sqrt(0.5))
    for made, value in ((images, 0.0), (mean, 1.0), (between, 0.5)):
        assert metrics.reconstruction_error(images, made).value == pytest.approx(value, abs=1e-6)
