"""The distribution of the hidden part, given the visible one."""

import numpy as np
import pytest

from keras_vae.distributions import given_visible
from keras_vae.parts import BernoulliLikelihood, DiscretizedLogisticLikelihood, NormalLikelihood


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("likelihood", [BernoulliLikelihood(), NormalLikelihood(0.3), DiscretizedLogisticLikelihood()])
def test_given_the_visible_part_log_prob_is_that_of_the_hidden_part_and_draws_keep_the_visible_one(likelihood, rng):
    shape = likelihood.parameters_shape((4, 2))
    parameters = rng.normal(size=(5, 3, *shape)).astype("float32")
    x, mask = rng.integers(0, 2, (3, 4, 2)).astype("float32"), rng.random((3, 4, 1)) < 0.5
    visible = np.where(mask, x, 0.0).astype("float32")
    whole = likelihood.distribution(parameters, batch_ndims=2)
    p = given_visible(whole, visible, mask)
    assert (p.batch_shape, p.event_shape) == ((5, 3), (4, 2))
    hidden = np.where(mask, 0.0, whole.distribution.log_prob(x)).sum(axis=(2, 3))
    np.testing.assert_allclose(p.log_prob(x), hidden, rtol=1e-5)
    np.testing.assert_allclose(p.log_prob(np.where(mask, 0.5, x)), hidden, rtol=1e-5)
    np.testing.assert_allclose(p.mean(), np.where(mask, x, whole.mean()), rtol=1e-6)
    draws = p.sample(2, seed=(0, 0)).numpy()
    np.testing.assert_array_equal(np.where(mask, draws, 0.0), np.broadcast_to(visible, draws.shape))
