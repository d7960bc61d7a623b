"""Priors that weigh the standard normal: by noise contrast, and by acceptance."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from keras_vae.distributions import reweighted
from keras_vae.distributions.reweighted import ResampledNormal, truncated
from keras_vae.parts import NoiseContrastivePrior, ResampledPrior

tfd = tfp.distributions

SCALE = 0.5  # of a normal that is the standard one times an acceptance: its density over the highest ratio


def log_acceptance(z):
    return -0.5 * (SCALE**-2 - 1.0) * tf.reduce_sum(z**2, axis=-1)


def narrow(size):
    return tfd.MultivariateNormalDiag(tf.zeros(size), SCALE * tf.ones(size))


# --- noise contrast --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_noise_contrast_finds_the_ratio_and_the_normalizer_of_two_normals():
    loc = np.float32([0.8, -0.6])
    z = loc + np.random.default_rng(0).normal(size=(20_000, 2)).astype("float32")
    prior = NoiseContrastivePrior(2, widths=(32, 32))
    keras.utils.set_random_seed(0)
    prior.build()
    before = prior.distribution().log_prob(z[:500])
    np.testing.assert_allclose(before, tfd.MultivariateNormalDiag(tf.zeros(2)).log_prob(z[:500]), atol=1e-5)
    prior.adapt(z, epochs=3, batch_size=500)
    expected = tfd.MultivariateNormalDiag(loc)
    ratio = z[:500] @ loc - 0.5 * loc @ loc  # log N(z; loc) - log N(z; 0)
    found = prior.log_weight(z[:500]) - prior.log_normalizer
    assert np.sqrt(np.mean((found - ratio) ** 2)) < 0.15
    assert float(prior.log_normalizer) == pytest.approx(0.0, abs=0.05)  # the critic's odds are normalised themselves
    assert np.mean(prior.distribution().log_prob(z)) == pytest.approx(np.mean(expected.log_prob(z)), abs=0.03)
    drawn = prior.distribution().sample(5000, seed=(0, 0)).numpy()
    np.testing.assert_allclose(drawn.mean(axis=0), loc, atol=0.1)


@pytest.mark.parametrize("kind", [NoiseContrastivePrior, ResampledPrior])
def test_the_normalizer_makes_up_for_any_critic(kind):
    prior = kind(2, widths=(4,))
    prior.build()
    rng = np.random.default_rng(1)
    for weight in prior.critic.weights:
        weight.assign(0.5 * rng.normal(size=weight.shape))
    prior.end(seed=0)
    axis = np.linspace(-8, 8, 401, dtype="float32")
    grid = np.stack(np.meshgrid(axis, axis), axis=-1)
    density = np.exp(prior.distribution().log_prob(grid))
    assert density.sum() * (axis[1] - axis[0]) ** 2 == pytest.approx(1.0, abs=0.02)


def test_a_normalizer_that_rests_on_few_draws_is_warned_of(monkeypatch):
    prior = NoiseContrastivePrior(4, widths=(16,))
    prior.build()
    monkeypatch.setattr(NoiseContrastivePrior, "log_weight", lambda self, z: 6.0 * z[..., 0])  # that of N(6, 1)
    with pytest.warns(UserWarning, match=r"rests on \d+ of 100000 draws"):
        prior.end(seed=0)


# --- resampling ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tries", [2, 5, 1000])
def test_tries_mix_what_is_accepted_with_the_normal(tries):
    """Accepting N(0, 1) to N(0, 1/4) takes a quarter of the draws in two dimensions, so all else is known."""
    share = SCALE**2
    p = ResampledNormal(log_acceptance, tf.math.log(share), 2, tries)
    alpha = (1 - share) ** (tries - 1)
    standard = tfd.MultivariateNormalDiag(tf.zeros(2))
    z = standard.sample(200, seed=0)
    expected = np.logaddexp(np.log1p(-alpha) + narrow(2).log_prob(z), np.log(alpha) + standard.log_prob(z))
    np.testing.assert_allclose(p.log_prob(z), expected, atol=1e-4)
    drawn = p.sample(20_000, seed=(0, 1)).numpy() if tries < 1000 else p.sample(2_000, seed=(0, 1)).numpy()
    assert drawn.var() == pytest.approx((1 - alpha) * SCALE**2 + alpha, rel=0.06)


def test_so_small_an_acceptance_that_float32_takes_it_for_none_has_gradients():
    log_normalizer = tf.Variable([-0.0, -1e-9, -20.0, -40.0])
    with tf.GradientTape() as tape:
        ratio = truncated(-3.0 + 0.0 * log_normalizer, log_normalizer, tries=100)
    assert np.isfinite(ratio).all()
    assert np.isfinite(tape.gradient(ratio, log_normalizer)).all()


def test_draws_are_weighed_a_part_at_a_time(monkeypatch):
    rows = []

    def weight(z):
        rows.append(z.shape[0])
        return log_acceptance(z)

    monkeypatch.setattr(reweighted, "AT_A_TIME", 100)
    drawn = ResampledNormal(weight, tf.math.log(SCALE**2), 2, tries=30).sample(10, seed=(0, 0)).numpy()
    assert drawn.shape == (10, 2)
    assert len(np.unique(drawn[:, 0])) == 10
    assert max(rows) <= 100


@pytest.mark.slow
def test_acceptance_is_learned_from_draws_of_a_narrower_normal():
    z = narrow(2).sample(20_000, seed=0).numpy()
    keras.utils.set_random_seed(0)
    prior = ResampledPrior(2, widths=(32, 32))
    prior.build()
    before = prior.distribution().log_prob(z[:500])
    np.testing.assert_allclose(before, tfd.MultivariateNormalDiag(tf.zeros(2)).log_prob(z[:500]), atol=1e-5)
    prior.adapt(z, epochs=5, batch_size=500, learning_rate=1e-2)
    found = prior.log_weight(z[:500]) - prior.log_normalizer
    known = log_acceptance(z[:500]) - 2 * np.log(SCALE)
    assert np.sqrt(np.mean((found - known) ** 2)) < 0.15
    assert prior.log_normalizer < 2 * np.log(SCALE) + 0.1  # as many are accepted as can be, or fewer
    assert np.mean(prior.distribution().log_prob(z)) == pytest.approx(np.mean(narrow(2).log_prob(z)), abs=0.03)
    drawn = prior.distribution().sample(5000, seed=(0, 0)).numpy()
    np.testing.assert_allclose(drawn.std(axis=0), SCALE, rtol=0.1)
