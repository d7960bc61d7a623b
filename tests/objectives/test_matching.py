"""Objectives of the aggregated posterior, and of points: what they must equal."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from kinds import images, mean_terms
from tiny import compiled, vae

import keras_vae
from keras_vae import metrics
from keras_vae.objectives import AdversarialMatching, MaximumMeanDiscrepancy, Regularized
from keras_vae.objectives.matching import SCALES, prior_draws, squared_discrepancy
from keras_vae.parts import NormalMixturePrior

tfd = tfp.distributions


def normals(count, latents, seed, shift=0.0):
    return (shift + np.random.default_rng(seed).normal(size=(count, latents))).astype("float32")


# --- the maximum mean discrepancy -------------------------------------------------------------------------------------


def test_discrepancy_is_gretton_s_sum_over_pairs():
    first, second = normals(5, 3, 0), normals(5, 3, 1, shift=1.0)

    def kernel(a, b):
        constants = [2 * 3 * scale for scale in SCALES]
        return sum(constant / (constant + np.sum((a - b) ** 2)) for constant in constants)

    pairs = list(itertools.permutations(range(5), 2))
    within = sum(np.mean([kernel(part[i], part[j]) for i, j in pairs]) for part in (first, second))
    across = np.mean([kernel(a, b) for a in first for b in second])
    assert float(squared_discrepancy(first, second)) == pytest.approx(within - 2 * across, abs=1e-5)


def test_discrepancy_of_one_distribution_is_zero_in_the_mean_and_of_two_it_is_not():
    def values(shift):
        return [float(squared_discrepancy(normals(20, 2, k), normals(20, 2, 1000 + k, shift))) for k in range(300)]

    same, apart = values(0.0), values(1.0)
    assert abs(np.mean(same)) < 4 * np.std(same) / np.sqrt(300)
    assert min(same) < 0  # unbiased, it falls below
    assert np.mean(apart) > 10 * np.std(same) / np.sqrt(300)
    assert np.isfinite(squared_discrepancy(normals(1, 2, 0), normals(1, 2, 1)))  # the last batch of an epoch


@pytest.mark.parametrize("prior", ["standard_normal", "laplace", "normal_mixture", "flow"])
def test_priors_are_drawn_as_often_as_there_are_latents(prior, images):
    model = vae(prior=prior, seed=0)
    model.build(images.shape)
    batch = model.prepare(images)
    assert prior_draws(model, model.posterior_of(batch).mean(), batch).shape == (64, 3)


def test_at_weight_nought_it_is_the_free_energy(images):
    def start(objective):
        keras.utils.set_random_seed(0)
        model = vae(objective=objective, seed=0)
        model.build(images.shape)
        return mean_terms(model, images)

    (terms, losses), (other, found) = start("free_energy"), start(MaximumMeanDiscrepancy(0.0, beta=1.0))
    assert sum(found.values()) == pytest.approx(sum(losses.values()), rel=1e-6)
    assert {name: other[name] for name in terms} == pytest.approx(terms, rel=1e-6)


# --- the critic of q(z) and p(z) --------------------------------------------------------------------------------------


def test_the_best_critic_is_at_rest_and_measures_the_divergence_of_the_aggregated_posterior():
    shift, count = 1.5, 20_000
    model = vae(objective=AdversarialMatching(critic=()), latent_size=1, seed=0)
    model.build((None, 8, 8, 1))
    critic = model.objective.critic
    critic.network.set_weights(
        [np.array([[shift]]), np.array([-0.5 * shift**2])]
    )  # log N(z; shift, 1) - log N(z; 0, 1)
    q = tfd.MultivariateNormalDiag(tf.fill((count, 1), shift), tf.ones((count, 1)))
    z = q.sample(seed=(0, 1))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(z)
        terms, losses = model.objective.added(model, q, z, model.prepare(images(4)))
        terms, losses = ({k: tf.reduce_mean(v) for k, v in part.items()} for part in (terms, losses))
    assert float(terms["marginal_kl"]) == pytest.approx(0.5 * shift**2, abs=0.05)
    weights = critic.network.trainable_variables
    for gradient in tape.gradient(losses["critic_loss"], weights):
        np.testing.assert_allclose(gradient, 0.0, atol=0.02)
    assert tape.gradient(losses["critic_loss"], z) is None
    assert tape.gradient(losses["marginal_kl"], weights) == [None, None]
    expected = 10.0 * tf.sigmoid(shift * z - 0.5 * shift**2) * shift / count  # of -log D, ten times
    np.testing.assert_allclose(tape.gradient(losses["marginal_kl"], z), expected, rtol=1e-4)


# --- points -----------------------------------------------------------------------------------------------------------


def test_a_regularized_autoencoder_s_loss_is_that_by_hand(images):
    model = vae(posterior="deterministic", objective=Regularized(0.3, 0.02), seed=0)
    model.build(images.shape)
    z = model.posterior.head(model.encoder(images))
    logits = model.decoder(z)
    cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits(images, tf.reshape(logits, images.shape))
    by_hand = tf.reduce_sum(cross_entropy, axis=(1, 2, 3)) + 0.5 * 0.3 * tf.reduce_sum(z**2, axis=-1)
    decay = 0.02 * sum(np.sum(weight**2) for weight in model.decoder.get_weights())
    terms, losses = mean_terms(model, images)
    assert sum(losses.values()) == pytest.approx(float(tf.reduce_mean(by_hand)) + decay, rel=1e-5)
    assert set(terms) == {"distortion", "squared_norm", "decoder_norm"}
    np.testing.assert_allclose(model.embed(images), z, atol=1e-5)


def test_points_have_no_rate_no_free_energy_and_no_likelihood_and_a_density_afterwards(images):
    prior = NormalMixturePrior(3, components=4, trainable=False)
    model = compiled(vae(posterior="deterministic", objective="regularized", prior=prior, seed=0))
    history = model.fit(images, verbose=0, validation_data=(images,)).history
    assert not [name for name in history if "rate" in name or "free_energy" in name]
    for ask in (model.log_likelihood, lambda x: metrics.free_energy(model, x)):
        with pytest.raises(ValueError, match="is a point without a density: there is no rate"):
            ask(images)
    start = model.sample(4, seed=0)
    model.adapt(images)
    assert np.abs(model.sample(4, seed=0) - start).max() > 1e-3
    assert metrics.reconstruction_error(images, model.reconstruct(images)).value > 0


# --- directions -------------------------------------------------------------------------------------------------------


def test_directions_stay_on_the_sphere_in_every_verb(images):
    model = keras_vae.VAE(latent_size=3, prior="spherical_uniform", posterior="power_spherical", seed=0)
    compiled(model, keras.optimizers.Adam(0.01)).fit(images, epochs=2, verbose=0)
    z = model.embed(images)
    np.testing.assert_allclose(np.linalg.norm(z, axis=-1), 1.0, atol=1e-5)
    far = np.where(np.arange(3) == 1, 1e6, z)  # all but its pole
    np.testing.assert_allclose(
        model.traverse(images, 1, [1e6])[0], model.decode(far / np.linalg.norm(far, axis=-1)[:, None]).mean(), atol=1e-5
    )
    means, spreads = metrics.posterior_moments(model, images)
    assert means.shape == spreads.shape == (64, 3)
    assert (spreads > 0).all()
