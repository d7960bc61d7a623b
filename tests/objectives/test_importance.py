"""Importance weighting: bounds, gradients, sizes and graphs of log-likelihoods."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from kinds import mean_terms
from tiny import compiled, vae

import keras_vae
from keras_vae.distributions import frozen
from keras_vae.models.verbs import draws_at_a_time
from keras_vae.objectives import CombinationImportanceWeighted, ImportanceWeighted, PartiallyImportanceWeighted
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


# --- partially importance-weighted and combination bounds -------------------------------------------------------------


def by_hand(model, x, samples, bound, factors=None):
    """Gradients, of one draw, of minus a bound of log weights, `(encoder's, decoder's)`; where factors of draws are
    given, of the log weights, the encoder's is that of their sum so weighed, without the score of q."""
    with tf.GradientTape(persistent=True) as tape:
        batch = model.prepare(x)
        q = model.posterior_of(batch)
        z = q.sample(samples, seed=model.next_seed())
        others = model.likelihood_of(z, batch).log_prob(batch.x) + model.prior_of().log_prob(z)
        log_weights = others - q.log_prob(z)
        loss = -tf.reduce_mean(bound(log_weights))
        if factors is not None:
            paths = tf.stop_gradient(factors(log_weights)) * (others - frozen(q).log_prob(z))
            encoders = -tf.reduce_mean(tf.reduce_sum(paths, axis=0))
    encoders = loss if factors is None else encoders
    parts = (encoders, model.posterior), (loss, model.decoder)
    return [
        tf.concat([tf.reshape(g, [-1]) for g in tape.gradient(one, part.trainable_variables)], axis=0)
        for one, part in parts
    ]


def start(model, objective, **kwargs):
    """A model with the same weights and the same draws to come."""
    return twin(model, keras_vae.VAE, objective=objective, seed=5, **kwargs)


def logmeanexp(log_weights):
    return tfp.math.reduce_logmeanexp(log_weights, axis=0)


def grouped(log_weights):
    return tf.reshape(log_weights, [2, 3, -1])


def within_groups(log_weights):
    return tf.reshape(tf.nn.softmax(grouped(log_weights), axis=1), tf.shape(log_weights))


def agree(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-3, atol=2e-3 * np.abs(other).max())


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_combination_is_the_free_energy_s_gradient_at_one_end_and_the_importance_weighted_at_the_other(
    share, trained, images
):
    def combined(log_weights):
        return share * tf.reduce_mean(log_weights, axis=0) + (1 - share) * logmeanexp(log_weights)

    def factors(log_weights):
        return share / 6 + (1 - share) * tf.nn.softmax(log_weights, axis=0) ** 2

    for estimator, known in (("reparameterized", None), ("doubly_reparameterized", factors)):
        model = start(trained, CombinationImportanceWeighted(share, 6, estimator))
        agree(
            [part[0] for part in gradients(model, images, 1)],
            by_hand(start(trained, "free_energy"), images, 6, combined, known),
        )
        if share == 0.0:
            ends = start(trained, ImportanceWeighted(6, estimator))
            agree(*([part[0] for part in gradients(one, images, 1)] for one in (start(trained, model.objective), ends)))


def test_partial_weighting_gives_the_decoder_the_gradient_of_all_draws_and_the_encoder_that_of_groups(trained, images):
    found = gradients(start(trained, PartiallyImportanceWeighted(6, groups=2)), images, 1)
    expected = by_hand(start(trained, "free_energy"), images, 6, logmeanexp, lambda logs: within_groups(logs) ** 2 / 2)
    agree([part[0] for part in found], expected)
    bounds = [
        mean_terms(start(trained, objective), images)[1]["importance_bound"]
        for objective in (PartiallyImportanceWeighted(6, groups=2), ImportanceWeighted(6))
    ]
    assert bounds[0] == pytest.approx(bounds[1], rel=1e-5)


@pytest.mark.slow
def test_the_encoder_s_gradient_of_groups_is_unbiased(trained, images):
    def mean_of_groups(log_weights):
        return tf.reduce_mean(tfp.math.reduce_logmeanexp(grouped(log_weights), axis=1), axis=0)

    found = gradients(start(trained, PartiallyImportanceWeighted(6, groups=2)), images[:4], 600)[0]
    plain = start(trained, "free_energy")
    once = tf.function(lambda: by_hand(plain, images[:4], 6, mean_of_groups), autograph=False)
    expected = np.stack([once()[0] for _ in range(600)])
    error = np.sqrt((found.var(axis=0) + expected.var(axis=0)) / 600)
    scores = (found.mean(axis=0) - expected.mean(axis=0)) / (error + 1e-9)
    assert np.mean(scores**2) < 1.5


def test_a_group_of_no_weight_among_all_draws_teaches_the_encoder_as_well():
    objective = PartiallyImportanceWeighted(4, groups=2)
    log_weights = tf.constant([0.0, -1.0, -300.0, -301.0])[:, None]
    with tf.GradientTape() as tape:
        tape.watch(log_weights)
        bound, factors = objective.bounded(log_weights)
    reaches = tape.gradient(bound, log_weights)
    shares = tf.nn.softmax([0.0, -1.0])
    np.testing.assert_allclose(reaches[:, 0], [*shares, 0.0, 0.0], atol=1e-6)
    np.testing.assert_allclose((reaches * factors)[:, 0], np.tile(shares, 2) ** 2 / 2, rtol=1e-4)


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
    assert graph.experimental_get_tracing_count() == 1
    trained.log_likelihood(images[:50], samples=70, chunk=11)
    assert trained._graphs["log_likelihood"][1] is graph
    assert graph.experimental_get_tracing_count() == 1
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
