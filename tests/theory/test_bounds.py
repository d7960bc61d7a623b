"""Bounds on log p(x): the free energy and importance weighting, beside a model whose log p(x) is known."""

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp
from tiny import completing_cvae, vae

import keras_vae
from keras_vae.distributions import kl_divergence
from keras_vae.parts import NormalLikelihood, NormalPosterior

tfd = tfp.distributions


def repeated(data, times=20):
    """Every example many times: each copy gets its own draw of z."""
    return keras.tree.map_structure(lambda part: np.repeat(part, times, axis=0), data)


@pytest.fixture(scope="module")
def trained(images):
    keras.utils.set_random_seed(1)
    model = vae(seed=1)
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(images, epochs=20, batch_size=16, verbose=0)
    return model


def test_free_energy_bounds_the_importance_weighted_log_likelihood(trained, images):
    free_energy = trained.evaluate(repeated(images), verbose=0, return_dict=True)["free_energy"]
    assert free_energy >= -trained.log_likelihood(images, samples=200).mean()


def test_importance_bound_rises_with_the_number_of_samples(trained, images):
    values = [trained.log_likelihood(repeated(images), samples=samples).mean() for samples in (1, 5, 50)]
    assert values[0] < values[1] < values[2]


def test_importance_bound_of_one_sample_is_the_elbo_estimate(trained, images):
    estimates = trained.log_likelihood(repeated(images), samples=1).reshape(64, -1)
    free_energy = trained.evaluate(repeated(images), verbose=0, return_dict=True)["free_energy"]
    error = estimates.std(axis=1).mean() / np.sqrt(estimates.size)
    assert estimates.mean() == pytest.approx(-free_energy, abs=6 * error)


@pytest.mark.parametrize(("chunk", "batch_size"), [(7, 64), (20, 10), (None, 64), (None, 10)])
def test_importance_bound_does_not_depend_on_how_it_is_cut(trained, images, chunk, batch_size):
    whole = trained.log_likelihood(images, samples=400, chunk=400, batch_size=64)
    cut = trained.log_likelihood(images, samples=400, chunk=chunk, batch_size=batch_size)
    assert cut.mean() == pytest.approx(whole.mean(), abs=0.2)
    assert len(cut) == len(whole) == 64


def test_free_energy_of_a_completing_cvae_bounds_the_log_likelihood_of_the_hidden_part_under_a_learned_prior(images):
    keras.utils.set_random_seed(1)
    masks = keras_vae.data.random_quadrants(64, 8, 8, tf.constant([0, 0]))
    data = {"x": images, "condition": keras_vae.data.visible_part(images, masks).numpy()}
    model = completing_cvae(seed=1)
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(data, epochs=20, batch_size=16, verbose=0)
    free_energy = model.evaluate(repeated(data), verbose=0, return_dict=True)["free_energy"]
    bound = -model.log_likelihood(data, samples=300)
    assert free_energy >= bound.mean()
    # The same integral by draws from the learned prior, whose weights are the likelihood alone.
    batch = model.prepare(data)
    z = model.prior_of(batch).sample(20000, seed=(0, 0))
    log_prob = tf.concat([model.likelihood_of(part, batch).log_prob(batch.x) for part in tf.split(z, 20)], axis=0)
    simple = tf.reduce_logsumexp(log_prob, axis=0) - np.log(20000)
    np.testing.assert_allclose(np.mean(simple), -bound.mean(), atol=0.05)


# --- a linear-Gaussian model: log p(x) is known ---------------------------------------------------------------------

NOISE, MEAN = 0.5, np.float32([0.3, -1.0, 0.2, 2.0])
LOADINGS = np.float32(np.linalg.qr(np.random.default_rng(3).normal(size=(4, 2)))[0] * [1.5, 0.7])  # orthogonal columns


class SampledNormalPosterior(NormalPosterior):
    """A normal without a registered KL: the rate is `log q(z) - log p(z)` at the draw."""

    def family(self, loc, scale):
        return tfd.TransformedDistribution(tfd.MultivariateNormalDiag(loc, scale), tfp.bijectors.Identity())


def linear_gaussian(posterior="normal", widen=1.0):
    """A VAE whose marginal is `N(MEAN, LOADINGS LOADINGS' + NOISE^2 I)` and, at `widen=1`, its exact posterior."""
    encoder = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
    decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4)])
    model = keras_vae.VAE(encoder, decoder, 2, NormalLikelihood(NOISE), posterior=posterior, seed=0)
    model.build((None, 4))
    encoder.set_weights([np.eye(4), -MEAN])
    decoder.set_weights([LOADINGS.T, MEAN])
    precision = (LOADINGS**2).sum(0) + NOISE**2  # the diagonal of M = W'W + s2 I
    kernel = np.concatenate([LOADINGS / precision, np.zeros((4, 2))], axis=1)
    raw_scale = np.log(np.expm1(widen * NOISE / np.sqrt(precision) - 1e-5))
    model.posterior.head.set_weights([kernel, np.concatenate([np.zeros(2), raw_scale])])
    return model


@pytest.fixture(scope="module")
def linear_data():
    """Data of the linear-Gaussian model, and their exact log-density."""
    x = scipy.stats.multivariate_normal(MEAN, LOADINGS @ LOADINGS.T + NOISE**2 * np.eye(4)).rvs(50, random_state=0)
    return x.astype("float32"), scipy.stats.multivariate_normal(
        MEAN, LOADINGS @ LOADINGS.T + NOISE**2 * np.eye(4)
    ).logpdf(x)


def test_importance_estimate_agrees_with_the_exact_log_density(linear_data):
    x, exact = linear_data
    model = linear_gaussian(widen=1.5)
    np.testing.assert_allclose(model.log_likelihood(x, samples=20000, chunk=2000), exact, atol=0.05)
    assert model.log_likelihood(x, samples=1).mean() < exact.mean()  # the posterior is not exact here


def test_with_the_exact_posterior_one_importance_sample_is_exact(linear_data):
    x, exact = linear_data
    np.testing.assert_allclose(linear_gaussian().log_likelihood(x, samples=1), exact, atol=1e-3)


def test_with_the_exact_posterior_the_free_energy_is_exact_for_each_example(linear_data):
    x, exact = linear_data
    model = linear_gaussian(SampledNormalPosterior(2))
    terms, _, _ = model.terms(model.prepare(x), training=True)
    np.testing.assert_allclose(terms["distortion"] + terms["rate"], -exact, atol=1e-3)


def test_with_the_exact_posterior_and_a_closed_form_rate_the_free_energy_is_exact_on_average(linear_data):
    x, exact = linear_data
    model = linear_gaussian()
    terms, _, _ = model.terms(model.prepare(np.repeat(x, 400, axis=0)), training=True)
    values = (terms["distortion"] + terms["rate"]).numpy().reshape(50, 400)
    assert values.mean() == pytest.approx(-exact.mean(), abs=4 * values.std(axis=1).mean() / np.sqrt(values.size))


def test_linear_gaussian_embedding_is_the_exact_posterior_mean(linear_data):
    x, _ = linear_data
    exact = (x - MEAN) @ LOADINGS @ np.linalg.inv(LOADINGS.T @ LOADINGS + NOISE**2 * np.eye(2))
    np.testing.assert_allclose(linear_gaussian().embed(x), exact, rtol=1e-4, atol=1e-5)


def test_monte_carlo_rate_averages_to_the_closed_form(images):
    model = vae(seed=0)
    q, prior = model.encode(images), model.prior.distribution()
    z = q.sample(2000, seed=(0, 1))
    estimate = (q.log_prob(z) - prior.log_prob(z)).numpy()
    error = estimate.std() / np.sqrt(estimate.size)
    assert estimate.mean() == pytest.approx(float(tf.reduce_mean(kl_divergence(q, prior, z))), abs=5 * error)
