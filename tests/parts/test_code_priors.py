"""Priors over grids of codes: probabilities, draws, gradients."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vae.networks import gated_pixel_cnn
from keras_vae.parts import AutoregressivePrior, UniformPrior

GRID, CODES = (2, 2), 3
GRIDS = np.array(list(itertools.product(range(CODES), repeat=4)), "int32").reshape(-1, *GRID)


@pytest.fixture(scope="module")
def prior():
    """A prior over grids of 2x2 out of 3 codes, whose network has random weights."""
    keras.utils.set_random_seed(3)
    made = AutoregressivePrior(CODES, gated_pixel_cnn(GRID, CODES, width=8, blocks=2, dropout=0.0))
    made.build((None, *GRID))
    noise = np.random.default_rng(0)
    made.set_weights([weight + noise.normal(size=weight.shape) * 0.7 for weight in made.get_weights()])
    made.fitted.assign(1.0)
    return made


def test_a_code_never_changes_the_logits_of_itself_or_of_those_before_it():
    grid, codes = (3, 4), 5
    made = gated_pixel_cnn(grid, codes, width=8, blocks=4, dropout=0.0)
    noise = np.random.default_rng(0)
    made.set_weights([weight + noise.normal(size=weight.shape) for weight in made.get_weights()])
    first = noise.integers(codes, size=(1, *grid)).astype("int32")
    before = np.array(made(first)).reshape(12, codes)
    for place in range(12):
        other = first.copy()
        other.flat[place] = (other.flat[place] + 1) % codes
        changed = (np.array(made(other)).reshape(12, codes) != before).any(axis=-1)
        assert not changed[: place + 1].any()
        assert changed[place + 1 :].all()  # and it changes all those after it


def test_probabilities_of_all_grids_add_up_to_one(prior):
    probabilities = np.exp(prior.distribution().log_prob(GRIDS))
    assert probabilities.sum() == pytest.approx(1.0, abs=1e-4)
    assert probabilities.max() > 2 / len(GRIDS)


def test_draws_have_the_probabilities_that_the_prior_gives_them(prior):
    distribution, count = prior.distribution(), 20_000
    draws = np.array(distribution.sample(count, seed=(1, 2)))
    assert draws.shape == (count, *GRID)
    observed = np.bincount(draws.reshape(count, 4) @ [27, 9, 3, 1], minlength=len(GRIDS))
    expected = count * np.exp(distribution.log_prob(GRIDS))
    chi_squared = np.sum((observed - expected) ** 2 / expected)
    assert chi_squared < 80 + 5 * np.sqrt(2 * 80)  # 80 degrees of freedom: mean and five standard deviations
    flat = np.sum((observed - count / len(GRIDS)) ** 2 / (count / len(GRIDS)))
    assert flat > 1000  # or a uniform sampler would pass


@pytest.mark.parametrize("cls", [UniformPrior, AutoregressivePrior])
def test_a_prior_that_is_not_fitted_is_uniform(cls):
    network = {"network": gated_pixel_cnn(GRID, CODES, width=8, blocks=1)} if cls is AutoregressivePrior else {}
    made = cls(CODES, **network)
    made.build((None, *GRID))
    distribution = made.distribution()
    np.testing.assert_allclose(distribution.log_prob(GRIDS), -4 * np.log(CODES), rtol=1e-6)
    draws = np.array(distribution.sample(9000, seed=(0, 1)))
    np.testing.assert_allclose([np.mean(draws == code, axis=0) for code in range(CODES)], 1 / 3, atol=0.03)
    assert distribution.sample((2, 5), seed=(0, 1)).shape == (2, 5, *GRID)


def test_a_frozen_prior_gets_no_gradient(prior):
    def gradients():
        with tf.GradientTape() as tape:
            nats = -prior.distribution().log_prob(GRIDS)
        return tape.gradient(nats, [weight.value for weight in prior.network.weights])

    assert any(gradient is not None for gradient in gradients())
    prior.trainable = False
    assert all(gradient is None for gradient in gradients())
    prior.trainable = True
