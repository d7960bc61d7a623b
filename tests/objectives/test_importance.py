"""Importance weighting: bounds, gradients, sizes and graphs of log-likelihoods."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny import compiled, vae

import keras_vae
from keras_vae.models.verbs import draws_at_a_time
from keras_vae.parts import DiscretizedLogisticLikelihood


@pytest.fixture(scope="module")
def trained(images):
    """A VAE whose posterior is far from exact: little trained, one latent."""
    keras.utils.set_random_seed(0)
    model = compiled(vae(latent_size=2), keras.optimizers.Adam(0.01))
    model.fit(images, batch_size=16, epochs=5, verbose=0)
    return model


def twin(model, cls, **kwargs):
    """A model of another class with the same weights."""
    other = vae(cls, latent_size=2, **kwargs)
    other.build((None, 8, 8, 1))
    for name in ("encoder", "posterior", "decoder"):
        getattr(other, name).set_weights(getattr(model, name).get_weights())
    return other


def measured(model, x, repeats=200):
    """Means of the terms over the data and many draws."""
    logs = compiled(model).evaluate(np.tile(x, (repeats, 1, 1, 1)), batch_size=512, verbose=0, return_dict=True)
    return {name: float(value) for name, value in logs.items()}


# --- IWAE -------------------------------------------------------------------------------------------------------------


def test_with_one_sample_the_bound_is_the_free_energy_and_more_samples_tighten_it(trained, images):
    bounds = [
        measured(twin(trained, keras_vae.IWAE, importance_samples=count), images[:16])["importance_bound"]
        for count in (1, 4, 16)
    ]
    assert bounds[0] == pytest.approx(measured(twin(trained, keras_vae.VAE), images[:16])["free_energy"], abs=0.05)
    assert bounds[0] > bounds[1] + 0.05 > bounds[2] + 0.1
    exact = -trained.log_likelihood(images[:16], samples=5000).mean()
    assert bounds[2] > exact - 0.02


def test_bound_is_the_estimate_of_the_log_likelihood_with_as_many_samples(trained, images):
    bound = measured(twin(trained, keras_vae.IWAE, importance_samples=5), images[:8])["importance_bound"]
    estimate = -trained.log_likelihood(np.tile(images[:8], (200, 1, 1, 1)), samples=5).mean()
    assert bound == pytest.approx(estimate, abs=0.05)


def test_bound_that_is_measured_knows_no_beta(trained, images):
    plain, weighted = (
        measured(twin(trained, keras_vae.IWAE, importance_samples=4, beta=beta), images[:8]) for beta in (1.0, 3.0)
    )
    assert weighted["importance_bound"] == pytest.approx(plain["importance_bound"], abs=0.1)
    assert weighted["loss"] > plain["loss"] + 1


def gradients(model, x, repeats):
    """Means of the encoder's and the decoder's gradients over repeated draws, and their variances."""
    variables = [*model.posterior.trainable_variables, *model.decoder.trainable_variables]

    @tf.function
    def once():
        with tf.GradientTape() as tape:
            _, objective, _ = model.terms(model.prepare(x), training=True)
            loss = tf.reduce_mean(objective["importance_bound"])
        return tf.concat([tf.reshape(part, [-1]) for part in tape.gradient(loss, variables)], axis=0)

    draws = np.stack([once() for _ in range(repeats)])
    split = sum(int(tf.size(variable)) for variable in model.posterior.trainable_variables)
    return draws[:, :split], draws[:, split:]


@pytest.mark.parametrize("beta", [1.0, *(pytest.param(beta, marks=pytest.mark.slow) for beta in (0.3, 3.0))])
def test_doubly_reparameterized_gradients_have_the_same_mean_and_at_beta_1_less_noise(beta, trained, images):
    """The proof of Tucker et al. 2019, in numbers: unbiased, and the encoder's noise falls."""
    options = {"importance_samples": 8, "beta": beta, "seed": 0}
    plain, doubly = (
        gradients(twin(trained, keras_vae.IWAE, estimator=estimator, **options), images[:4], 600)
        for estimator in ("reparameterized", "doubly_reparameterized")
    )
    for one, other in zip(plain, doubly, strict=True):
        error = np.sqrt((one.var(axis=0) + other.var(axis=0)) / 600)
        assert np.abs(one.mean(axis=0) - other.mean(axis=0)).max() < 5 * error.max()
        scores = (one.mean(axis=0) - other.mean(axis=0)) / (error + 1e-9)
        assert np.mean(scores**2) < 1.5  # of a bias of one standard error it would be 2
    if beta == 1.0:
        assert doubly[0].var(axis=0).sum() < 0.7 * plain[0].var(axis=0).sum()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"importance_samples": 0}, "samples must be a positive integer"),
        ({"importance_samples": 2.0}, "samples must be a positive integer"),
        ({"estimator": "score"}, r"Unknown estimator .score.*reparameterized"),
    ],
)
def test_iwae_refuses_bad_arguments(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        vae(keras_vae.IWAE, **arguments)


# --- Log-likelihoods --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("samples", "examples", "draws"),
    [(100, 100, 20), (100, 64, 34), (1000, 8, 250), (1000, 1, 1000), (1, 100, 1), (10, 5000, 1), (7, 10, 7)],
)
def test_about_2000_draws_are_decoded_at_a_time_in_equal_parts(samples, examples, draws):
    assert draws_at_a_time(samples, examples) == draws
    assert draws * -(-samples // draws) < 1.05 * samples


def test_sizes_and_chunks_share_one_graph_and_lists_count_as_their_arrays_do(trained, images):
    values = [trained.log_likelihood(images[:count], samples=100) for count in (9, 40, 64)]
    graph = trained._graphs["log_likelihood"][1]
    assert graph.experimental_get_tracing_count() <= 2
    trained.log_likelihood(images[:50], samples=70, chunk=11)
    assert trained._graphs["log_likelihood"][1] is graph
    assert graph.experimental_get_tracing_count() <= 2
    np.testing.assert_allclose(trained.log_likelihood(images[:9].tolist(), samples=100), values[0], rtol=1e-5)


def test_log_likelihood_and_sample_keep_their_graphs_until_a_part_changes(images):
    x = images[:3]
    model = keras_vae.VAE(latent_size=2, likelihood=DiscretizedLogisticLikelihood(scale=0.1), seed=0)
    model.build((None, 8, 8, 1))
    before = model.log_likelihood(x, samples=7)
    graph = model._graphs["log_likelihood"][1]
    assert np.array_equal(model.log_likelihood(x, samples=7), before)
    assert model._graphs["log_likelihood"][1] is graph
    assert graph.experimental_get_tracing_count() == 1
    drawn = model.sample(2, seed=0)
    model.likelihood.scale = 0.5
    assert not np.allclose(model.log_likelihood(x, samples=7), before)
    assert not np.allclose(model.sample(2, seed=0), drawn)
