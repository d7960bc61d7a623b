"""beta-VAE, beta-TCVAE and FactorVAE: what they equal, and what their terms of the aggregated posterior must be."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from tiny import vae, weights

import keras_vae

tfd = tfp.distributions


# --- beta = 1 is the VAE --------------------------------------------------------------------------------------------

PLAIN = {
    "beta_vae": (keras_vae.BetaVAE, {"beta": 1.0}),
    "beta_tc_vae": (keras_vae.BetaTCVAE, {"beta": 1.0, "dataset_size": 64}),
    "factor_vae": (keras_vae.FactorVAE, {"gamma": 0.0, "critic_widths": (8,)}),
}


def after_a_step(cls, images, **options):
    """Weights of the networks after one step of training."""
    keras.utils.set_random_seed(3)
    model = vae(cls, seed=3, **options)
    model.compile(keras.optimizers.SGD(0.01))
    model.fit(images, batch_size=64, verbose=0)
    return np.concatenate([weights(part) for part in (model.encoder, model.posterior, model.decoder)])


@pytest.mark.parametrize("name", PLAIN)
def test_beta_one_is_the_vae(name, images):
    cls, options = PLAIN[name]
    expected = after_a_step(keras_vae.VAE, images)
    np.testing.assert_allclose(after_a_step(cls, images, **options), expected, atol=1e-6)
    weight = {"factor_vae": "gamma"}.get(name, "beta")
    assert np.abs(after_a_step(cls, images, **{**options, weight: 30.0}) - expected).max() > 1e-4


def test_beta_of_the_beta_tc_vae_weights_the_total_correlation_alone(images):
    model = vae(keras_vae.BetaTCVAE, seed=0, dataset_size=64, beta=5.0)
    model.build((None, 8, 8, 1))
    terms, objective, _ = model.terms(model.prepare(images), training=True)
    parts = [terms[name] for name in ("distortion", "mutual_information", "total_correlation", "dimension_wise_kl")]
    weighted = parts[0] + parts[1] + 5.0 * parts[2] + parts[3]  # equation 4, by a draw; ours has the rate's closed form
    sampled_rate = parts[1] + parts[2] + parts[3]
    np.testing.assert_allclose(sum(objective.values()) - terms["rate"], weighted - sampled_rate, rtol=1e-4)


# --- terms of the aggregated posterior ------------------------------------------------------------------------------

LOCS, SCALES = np.random.default_rng(0).normal(size=(2, 6, 3)).astype("float32")
POSTERIOR = tfd.Independent(tfd.Normal(LOCS, np.exp(0.3 * SCALES)), 1)


def aggregated_terms(sampling, dataset_size=6):
    """Terms of `POSTERIOR`, `(terms, z)`: a batch that is all the data."""
    model = vae(keras_vae.BetaTCVAE, seed=0, shape=(4,), dataset_size=dataset_size, sampling=sampling)
    model.build((None, 4))
    z = POSTERIOR.sample(seed=(0, 1))
    return model.objective.added(model, POSTERIOR, z, model.prepare(np.zeros((6, 4))))[0], z


def exact_terms(z):
    """The same from the mixtures themselves."""
    normals = POSTERIOR.distribution
    given = POSTERIOR.log_prob(z)
    whole = tf.reduce_logsumexp(POSTERIOR.log_prob(z[:, None]), axis=1) - np.log(6)
    each = tf.reduce_sum(tf.reduce_logsumexp(normals.log_prob(z[:, None]), axis=1) - np.log(6), axis=-1)
    prior = tf.reduce_sum(tfd.Normal(0.0, 1.0).log_prob(z), axis=-1)
    return {"mutual_information": given - whole, "total_correlation": whole - each, "dimension_wise_kl": each - prior}


def test_stratified_terms_of_all_the_data_are_exact():
    terms, z = aggregated_terms("stratified")
    for name, value in exact_terms(z).items():
        np.testing.assert_allclose(terms[name], value, atol=1e-4, err_msg=name)


def test_weighted_terms_are_shifted_by_constants():
    terms, z = aggregated_terms("weighted")
    shifts = {"mutual_information": np.log(6), "total_correlation": 2 * np.log(6), "dimension_wise_kl": -3 * np.log(6)}
    for name, value in exact_terms(z).items():
        np.testing.assert_allclose(terms[name] - value, np.full(6, shifts[name]), atol=1e-4, err_msg=name)


@pytest.mark.parametrize("sampling", ["weighted", "stratified"])
def test_terms_add_up_to_the_sampled_rate(sampling):
    terms, z = aggregated_terms(sampling, dataset_size=1000)
    rate = POSTERIOR.log_prob(z) - tf.reduce_sum(tfd.Normal(0.0, 1.0).log_prob(z), axis=-1)
    total = sum(terms[name] for name in ("mutual_information", "total_correlation", "dimension_wise_kl"))
    np.testing.assert_allclose(total, rate, atol=1e-4)


def test_stratified_sampling_is_unbiased_over_batches():
    """All batches of three that hold the drawn example: their estimates of q(z) average to q(z)."""
    model = vae(keras_vae.BetaTCVAE, shape=(4,), dataset_size=6, sampling="stratified")
    density = POSTERIOR.prob(np.float32([0.3, -0.2, 0.5])).numpy()
    shares = np.exp(model.objective.log_weights(3)[0])
    batches = [[0, *others] for others in itertools.combinations(range(1, 6), 2)]
    assert np.mean([shares @ density[batch] for batch in batches]) == pytest.approx(density.mean(), rel=1e-5)


# --- the critic -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_critic_learns_the_total_correlation_of_correlated_normals():
    correlation = 0.9
    noise = np.random.default_rng(0).normal(size=(2, 2048)).astype("float32")
    z = np.stack([noise[0], correlation * noise[0] + np.sqrt(1 - correlation**2) * noise[1]], axis=1)
    identity = keras.Sequential([keras.Input((2,)), keras.layers.Identity()])
    decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    model = keras_vae.FactorVAE(identity, decoder, latent_size=2, likelihood="normal", critic_widths=(32, 32), seed=0)
    model.build((None, 2))
    model.posterior.head.set_weights([np.eye(2, 4, dtype="float32"), np.float32([0, 0, -10, -10])])  # q(z|x) is x
    optimizers = {".*/critic/.*": keras.optimizers.Adam(3e-3)}
    model.compile(keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(keras.optimizers.SGD(0.0), optimizers)))
    logs = model.evaluate(z, verbose=0, return_dict=True)
    assert logs["critic_loss"] == pytest.approx(np.log(2), abs=0.1)
    model.fit(z, batch_size=128, epochs=25, verbose=0)
    logs = model.evaluate(z, batch_size=2048, verbose=0, return_dict=True)
    assert logs["total_correlation"] == pytest.approx(-0.5 * np.log(1 - correlation**2), abs=0.15)
    assert logs["critic_loss"] < 0.6


def test_compile_gives_the_critic_its_own_adam_and_saves_both(images, tmp_path):
    model = vae(keras_vae.FactorVAE, critic_widths=(8,))
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(images, verbose=0)
    model.save(tmp_path / "model.keras")
    for each in (model, keras.saving.load_model(tmp_path / "model.keras")):
        critic, rest = each.optimizer.optimizers
        assert (critic.beta_1, critic.beta_2, float(critic.learning_rate)) == pytest.approx((0.5, 0.9, 1e-4))
        assert float(rest.learning_rate) == pytest.approx(0.01)
        assert len(critic.variables) == 2 + 2 * 4  # iterations, rate, and two moments of two kernels and two biases
        assert len(critic.variables) + len(rest.variables) == 4 + 2 * len(each.trainable_variables)
