"""What the seam must carry, by what is known of it: exact ladders, flows by another way, strings that sum to one."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from frontier import ALPHABET, FRAMES, LENGTH, STAY, exact_ladder, flow, ladder, scene, strings
from tiny import networks

import keras_vae
from keras_vae.objectives import ImportanceWeighted
from keras_vae.parts import AutoregressiveFlow, FlowPosterior, FlowPrior, NormalPosterior
from keras_vae.parts.flows import LARGEST_LOG_SCALE

tfd = tfp.distributions


def first_terms(model, x, training=False):
    return model.terms(model.prepare(x), training)[0]


@pytest.fixture(scope="module")
def exact():
    model, p = exact_ladder()
    x = np.float32(np.random.default_rng(0).normal(size=(20, 3)))
    return model, x, p.log_prob(x.astype("float64")).numpy()


def test_a_ladder_s_free_energy_at_its_exact_posterior_is_minus_log_p_of_x(exact):
    model, x, log_p = exact
    terms = first_terms(model, x)
    np.testing.assert_allclose(terms["distortion"] + terms["rate"], -log_p, atol=1e-5)
    np.testing.assert_allclose(terms["rate"], terms["rate_upper"] + terms["rate_lower"], atol=1e-6)


def test_a_ladder_s_log_likelihood_at_its_exact_posterior_takes_one_draw(exact):
    model, x, log_p = exact
    np.testing.assert_allclose(model.log_likelihood(x, samples=1), log_p, atol=1e-5)
    np.testing.assert_allclose(model.log_likelihood(x, samples=7, chunk=2), log_p, atol=1e-5)


def test_with_any_other_posterior_a_ladder_s_free_energy_is_above_and_more_draws_come_nearer(exact):
    model, x, log_p = exact
    other = ladder(seed=0)
    other.build((None, 3))
    other.set_weights(model.get_weights())
    other.posterior.scales.assign(1.5 * model.posterior.scales)
    many = np.repeat(x, 300, axis=0)
    terms = first_terms(other, many)
    free_energy = float(np.mean(terms["distortion"] + terms["rate"]))
    estimates = [-other.log_likelihood(many, samples=samples).mean() for samples in (3, 30)]
    assert free_energy > estimates[0] > estimates[1] > -log_p.mean() - 1e-3


def test_importance_weighting_serves_a_ladder(exact):
    model, x, log_p = exact
    weighted = ladder(seed=0, objective=ImportanceWeighted(5))
    weighted.build((None, 3))
    weighted.posterior.set_weights(model.posterior.get_weights())
    weighted.decoder.set_weights(model.decoder.get_weights())
    np.testing.assert_allclose(first_terms(weighted, x)["importance_bound"], -log_p, atol=1e-5)


def test_one_linear_autoregressive_step_is_a_normal_of_full_covariance():
    linear, random = AutoregressiveFlow(3, steps=1, widths=()), np.random.default_rng(0)
    prior = FlowPrior(3, flow=linear)
    prior.build()
    (layer,) = (linear.networks[0].last,)
    kernel, bias = random.normal(size=(3, 3, 2)), random.normal(size=(3, 2))
    kernel[..., 1] = 0.0  # scales do not depend on z
    layer.set_weights([kernel.reshape(3, 6), bias.reshape(6)])
    loadings = np.triu(kernel[..., 0], 1).T  # place i sees those before it
    scales = np.exp(LARGEST_LOG_SCALE * np.tanh(bias[:, 1] / LARGEST_LOG_SCALE))
    inverse = np.linalg.inv(np.eye(3) - loadings)
    expected = tfd.MultivariateNormalTriL(inverse @ bias[:, 0], inverse * scales)
    z = random.normal(size=(50, 3))
    p = prior.distribution()
    np.testing.assert_allclose(p.log_prob(tf.constant(z, tf.float32)), expected.log_prob(z), rtol=1e-4, atol=1e-4)
    draws = p.sample(20_000, seed=(0, 0)).numpy()
    np.testing.assert_allclose(np.cov(draws.T), expected.covariance(), rtol=0.1, atol=0.05)


def test_a_flow_s_log_determinant_is_the_jacobian_s_and_its_inverse_undoes_it():
    layer = flow(4)
    layer.build()
    for weight in layer.weights:
        weight.assign(0.3 * np.random.default_rng(1).normal(size=weight.shape))
    bijector, u = layer.bijector(), tf.random.stateless_normal((5, 4), (0, 1))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(u)
        z = bijector.forward(u)
    jacobian = tape.batch_jacobian(z, u, experimental_use_pfor=False)
    np.testing.assert_allclose(
        bijector.forward_log_det_jacobian(u, 1), tf.linalg.slogdet(jacobian).log_abs_determinant, atol=1e-5
    )
    np.testing.assert_allclose(layer.bijector().inverse(tf.identity(z)), u, atol=1e-5)


def test_places_of_a_masked_network_see_those_before_them_alone():
    layer = flow(4)
    layer.build()
    for weight in layer.weights:
        weight.assign(np.random.default_rng(1).normal(size=weight.shape))
    x = tf.random.stateless_normal((1, 4), (0, 1))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        outputs = layer.networks[0](x)
    jacobian = tape.batch_jacobian(outputs, x, experimental_use_pfor=False)[0].numpy()  # [place, output, input]
    for place, seen in itertools.product(range(4), range(4)):
        assert bool(np.any(jacobian[place, :, seen])) == (seen < place)


def test_a_flow_prior_is_the_inverse_flow_posterior_with_the_composed_decoder(images):
    shared = flow()
    shared.build()
    for weight in shared.weights:
        weight.assign(0.3 * np.random.default_rng(1).normal(size=weight.shape))
    encoder, decoder = networks()
    base = NormalPosterior(3)
    by_prior = keras_vae.VAE(encoder, decoder, 3, prior=FlowPrior(3, flow=shared), posterior=base, seed=0)
    by_prior.build(images.shape)

    class Composed(keras.layers.Layer):
        def call(self, u):
            return decoder(shared.bijector().forward(u))

        def compute_output_shape(self, input_shape):
            return decoder.compute_output_shape(input_shape)

    by_posterior = keras_vae.VAE(encoder, Composed(), 3, posterior=FlowPosterior(3, base, shared), seed=0)
    by_posterior.build(images.shape)
    first, second = first_terms(by_prior, images), first_terms(by_posterior, images)
    # The rate of the first is the estimate too: a normal has no closed form against a flow.
    for name in ("distortion", "rate"):
        np.testing.assert_allclose(first[name], second[name], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(
        by_prior.log_likelihood(images, samples=5), by_posterior.log_likelihood(images, samples=5), rtol=1e-4
    )
    np.testing.assert_allclose(by_prior.sample(4, seed=1), by_posterior.sample(4, seed=1), atol=1e-5)


def test_probabilities_of_all_strings_sum_to_one():
    model = strings(seed=0)
    model.build((None, LENGTH))
    every = np.array(list(itertools.product(range(ALPHABET), repeat=LENGTH)), "int32")
    p = model.decode(tf.random.stateless_normal((4, 1, 2), (0, 1)))
    np.testing.assert_allclose(np.exp(p.log_prob(every[None])).sum(axis=1), np.ones(4), rtol=1e-5)


def test_a_string_s_likeliest_is_shown_and_tokens_outside_the_alphabet_are_refused():
    model = strings(seed=0)
    model.build((None, LENGTH))
    made = model.reconstruct(np.zeros((5, LENGTH), "int32"))
    assert made.dtype == tf.int32
    assert made.shape == (5, LENGTH)
    with pytest.raises(ValueError, match="must lie in"):
        model.embed(np.full((5, LENGTH), ALPHABET))


def test_a_dict_of_latents_one_of_them_markov_has_the_linear_model_s_log_likelihood():
    model = scene(seed=0)
    model.build((None, FRAMES, 2))
    kernel = np.random.default_rng(0).normal(size=(2 + FRAMES, 2 * FRAMES))
    model.decoder.set_weights([kernel, np.zeros(2 * FRAMES)])
    lags = np.abs(np.subtract.outer(np.arange(FRAMES), np.arange(FRAMES)))
    prior = np.eye(2 + FRAMES)
    prior[2:, 2:] = STAY**lags
    covariance = kernel.T @ prior @ kernel + 0.25 * np.eye(2 * FRAMES)
    p = tfd.MultivariateNormalFullCovariance(np.zeros(2 * FRAMES), covariance)
    x = p.sample(10, seed=(0, 0)).numpy()
    # The best posterior of independent latents: the exact mean, and scales that cover the exact ones
    precision = np.linalg.inv(prior) + kernel @ kernel.T / 0.25
    covariance = np.linalg.inv(precision)
    gain = covariance @ kernel / 0.25
    scale = np.sqrt(np.diag(covariance))
    encoder, head = model.encoder, model.posterior.head
    encoder.layers[-1].activation = keras.activations.linear
    encoder.layers[-1].set_weights([np.eye(2 * FRAMES, 8), np.zeros(8)])
    raw = np.log(np.expm1(scale - 1e-3))
    weights = np.zeros((8, 2 * (2 + FRAMES)))
    weights[: 2 * FRAMES, : 2 + FRAMES] = gain.T
    head.set_weights([weights, np.concatenate([np.zeros(2 + FRAMES), raw])])
    found = model.log_likelihood(x.reshape(-1, FRAMES, 2), samples=20_000)
    np.testing.assert_allclose(found, p.log_prob(x), atol=0.1)


def test_a_flow_posterior_is_told_of_x_in_every_step_and_its_density_is_exact(images):
    flow = AutoregressiveFlow(3, steps=2, widths=(8,), context_size=4)
    posterior = FlowPosterior(3, flow=flow)
    posterior.build((None, 5))
    rng = np.random.default_rng(0)
    for weight in posterior.weights:
        weight.assign(0.3 * rng.normal(size=weight.shape))
    features = rng.normal(size=(6, 5)).astype("float32")
    q = posterior.distribution(features)
    z = q.sample(7, seed=1)
    assert z.shape == (7, 6, 3)
    # The same base, but another context: the draws of the same noise move.
    other = posterior.flow.bijector(tf.zeros((6, 4)))
    u = q.distribution.sample(seed=2)
    moved = tfp.bijectors.Invert(other).forward(u) - q.bijector.forward(u)
    assert np.abs(moved).max() > 1e-2
    # log q by the change of variables, its Jacobian by automatic differentiation
    with tf.GradientTape() as tape:
        tape.watch(u)
        forward = tfp.bijectors.Invert(posterior.flow.bijector(posterior.context(features))).forward(u)
    jacobian = np.linalg.slogdet(tape.batch_jacobian(forward, u).numpy())[1]
    np.testing.assert_allclose(q.log_prob(forward), q.distribution.log_prob(u) - jacobian, atol=1e-4)
