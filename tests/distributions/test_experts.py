"""Products and mixtures of experts, on a grid."""

import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp

from keras_vae.distributions import mixture_of_experts, product_of_experts

tfd = tfp.distributions


@pytest.fixture
def rng():
    return np.random.default_rng(0)


GRID = np.linspace(-12, 12, 24001)


def product_on_the_grid(loc, scale, mask=None, prior=True):
    """Mean and standard deviation of the normalised product of densities."""
    log_density = np.float64(scipy.stats.norm.logpdf(GRID)) if prior else np.zeros_like(GRID)
    for index in range(len(loc)):
        if mask is None or mask[index]:
            expert = tfd.Normal(np.float64(loc[index]), np.float64(scale[index]))
            log_density = log_density + expert.log_prob(GRID).numpy()
    density = np.exp(log_density - log_density.max())
    density /= density.sum()
    mean = (density * GRID).sum()
    return mean, np.sqrt((density * (GRID - mean) ** 2).sum())


@pytest.mark.parametrize("prior", [True, False])
@pytest.mark.parametrize("mask", [None, (True, True, True), (False, True, True), (False, True, False)])
def test_product_of_experts_is_the_normalised_product_of_densities(mask, prior):
    loc, scale = np.float32([-2.0, 1.5, 0.3]), np.float32([0.4, 1.7, 0.9])
    wide = None if mask is None else np.array(mask)[:, None, None]
    got_loc, got_scale = product_of_experts(loc[:, None, None], scale[:, None, None], wide, prior=prior)
    mean, deviation = product_on_the_grid(loc, scale, mask, prior)
    assert got_loc.numpy().item() == pytest.approx(mean, abs=1e-4)
    assert got_scale.numpy().item() == pytest.approx(deviation, rel=1e-4)


def test_product_of_experts_masks_each_row_by_itself(rng):
    loc, scale = rng.normal(size=(2, 3, 4)).astype("float32"), rng.uniform(0.5, 2, (2, 3, 4)).astype("float32")
    mask = np.array([[True, False, True], [True, True, False]])[:, :, None]
    got = product_of_experts(loc, scale, mask)
    for row, experts in enumerate([[0, 1], [1], [0]]):
        alone = product_of_experts(loc[experts, row], scale[experts, row])
        np.testing.assert_allclose(got[0][row], alone[0], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(got[1][row], alone[1], rtol=1e-5)


def test_product_with_nothing_observed_is_the_prior():
    loc, scale = product_of_experts(tf.fill((2, 3, 4), 9.0), tf.fill((2, 3, 4), 0.1), tf.zeros((2, 3, 1), tf.bool))
    np.testing.assert_array_equal(loc, np.zeros((3, 4)))
    np.testing.assert_array_equal(scale, np.ones((3, 4)))


def test_one_expert_under_a_flat_prior_is_that_expert(rng):
    loc, scale = rng.normal(size=(1, 3, 4)).astype("float32"), rng.uniform(1e-5, 50, (1, 3, 4)).astype("float32")
    got_loc, got_scale = product_of_experts(loc, scale, prior=False)
    np.testing.assert_allclose(got_loc, loc[0], rtol=1e-6)
    np.testing.assert_allclose(got_scale, scale[0], rtol=1e-5)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("scales", [(1e-5, 1e-5), (1e-18, 1.0), (1e-5, 1e20), (1e20, 1e20), (1e-20, 1e20)])
def test_product_of_experts_is_finite_with_its_gradients_at_extreme_scales(scales, masked):
    loc = tf.Variable([[[3.0]], [[-2.0]]])
    scale = tf.Variable(np.float32(scales).reshape(2, 1, 1))
    mask = tf.constant([[[True]], [[not masked]]])
    with tf.GradientTape() as tape:
        got = product_of_experts(loc, scale, mask)
        total = tf.add_n([tf.reduce_sum(part) for part in (*got, tf.math.log(got[1]))])
    precision = np.float64(scales) ** -2.0 * [1, not masked]
    assert got[1].numpy().item() == pytest.approx((1 + precision.sum()) ** -0.5, rel=1e-4)
    assert got[0].numpy().item() == pytest.approx((precision * [3, -2]).sum() / (1 + precision.sum()), rel=1e-4)
    for gradient in tape.gradient(total, [loc, scale]):
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("mask", [None, [[True, True, True], [True, False, True], [False, True, False]]])
def test_mixture_of_experts_is_the_log_mean_exp_of_the_experts_that_take_part(mask, rng):
    loc, scale = rng.normal(size=(3, 3, 2)).astype("float32"), rng.uniform(0.5, 2, (3, 3, 2)).astype("float32")
    z = rng.normal(size=(3, 2)).astype("float32")
    q = mixture_of_experts(tfd.Independent(tfd.Normal(loc, scale), 1), mask)
    log_probs = scipy.stats.norm.logpdf(z[:, None], loc, scale).sum(-1)
    rows = np.ones((3, 3), bool) if mask is None else np.array(mask)
    expected = [
        scipy.special.logsumexp(row[chosen]) - np.log(chosen.sum()) for row, chosen in zip(log_probs, rows, strict=True)
    ]
    np.testing.assert_allclose(q.log_prob(z), expected, rtol=1e-5)


def test_mixture_of_experts_draws_only_from_experts_that_take_part():
    experts = tfd.Independent(tfd.Normal([[[-50.0], [50.0]]], 1.0), 1)
    draws = mixture_of_experts(experts, [[False, True]]).sample(200, seed=(0, 1))
    assert (draws.numpy() > 0).all()


def test_mixture_of_experts_gives_finite_gradients_and_none_to_masked_experts():
    loc = tf.Variable([[[0.3], [0.7]]])
    with tf.GradientTape() as tape:
        log_prob = mixture_of_experts(tfd.Independent(tfd.Normal(loc, 1.0), 1), [[True, False]]).log_prob([[2.0]])
    np.testing.assert_allclose(tape.gradient(log_prob, loc)[0, :, 0], [1.7, 0.0], rtol=1e-5)
