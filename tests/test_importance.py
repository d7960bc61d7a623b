"""Importance weighting and mixtures of posteriors: bounds, gradients, closed forms."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from tiny import compiled, vae

import keras_vae
from keras_vae.distributions import NormalMixture
from keras_vae.models.importance import draws_at_a_time

tfd = tfp.distributions


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


@pytest.mark.parametrize("beta", [1.0, 0.3, 3.0])
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
        ({"importance_samples": 0}, "importance_samples must be a positive integer"),
        ({"importance_samples": 2.0}, "importance_samples must be a positive integer"),
        ({"estimator": "score"}, r"Unknown estimator .score.*reparameterized"),
    ],
)
def test_iwae_refuses_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
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
    graph = trained._graphs["log_likelihood"]
    assert graph.experimental_get_tracing_count() <= 2
    trained.log_likelihood(images[:50], samples=70, chunk=11)
    assert trained._graphs["log_likelihood"] is graph
    assert graph.experimental_get_tracing_count() <= 2
    np.testing.assert_allclose(trained.log_likelihood(images[:9].tolist(), samples=100), values[0], rtol=1e-5)


# --- VampPrior --------------------------------------------------------------------------------------------------------


def test_mixture_of_normals_has_the_density_of_tfp_s_own_sharp_components_included():
    generator = np.random.default_rng(0)
    loc = generator.normal(size=(20, 5)).astype("float32")
    scale = np.exp(generator.normal(-2.0, 1.5, size=(20, 5))).astype("float32")
    mixture = NormalMixture(tf.constant(loc), tf.constant(scale))
    double = [tf.constant(part, "float64") for part in (loc, scale)]
    reference = tfd.MixtureSameFamily(
        tfd.Categorical(logits=tf.zeros(20, "float64")), tfd.MultivariateNormalDiag(*double)
    )
    z = tf.concat([mixture.sample((4, 50), seed=1), tf.random.normal((4, 50, 5))], axis=0)
    assert z.shape == (8, 50, 5)
    np.testing.assert_allclose(mixture.log_prob(z), reference.log_prob(tf.cast(z, "float64")), rtol=1e-5, atol=1e-3)


def test_mixture_of_normals_draws_each_component_alike():
    loc, scale = tf.constant([[-9.0, 9.0], [0.0, 0.0], [9.0, 9.0]]), tf.constant([[0.7, 0.1], [1.0, 1.0], [0.5, 3.0]])
    z = NormalMixture(loc, scale).sample((30, 100), seed=0).numpy().reshape(-1, 2)
    drawn = np.digitize(z[:, 0], [-5.5, 6.0])
    for component in range(3):
        rows = z[drawn == component]
        assert len(rows) == pytest.approx(1000, abs=100)
        np.testing.assert_allclose(rows.mean(axis=0), loc[component], atol=0.3)
        np.testing.assert_allclose(rows.std(axis=0), scale[component], rtol=0.1)


def test_vamp_prior_whose_posteriors_are_all_the_standard_normal_is_the_vae(trained, images):
    model = twin(trained, keras_vae.VampVAE, components=7)
    head = model.posterior.head
    head.set_weights([np.zeros_like(weight) for weight in head.get_weights()])
    raw = np.log(np.expm1(1.0 - 1e-5))
    head.bias.assign(np.repeat([0.0, raw], 2).astype("float32"))
    z = tf.random.normal((50, 2))
    standard = keras_vae.distributions.StandardNormalPrior(2).distribution()
    np.testing.assert_allclose(model.prior_of().log_prob(z), standard.log_prob(z), atol=1e-4)
    assert measured(model, images[:8])["rate"] == pytest.approx(0.0, abs=1e-4)


def test_prior_of_one_pseudo_input_is_its_posterior(trained, images):
    model = twin(trained, keras_vae.VampVAE, components=1)
    model.adapt(images[3:])
    z = model.encode(images[:6]).sample(seed=0)
    np.testing.assert_allclose(
        model.prior_of().log_prob(z), model.encode(images[3:4]).log_prob(z[:, None])[:, 0], rtol=1e-4, atol=1e-3
    )


def test_adapt_needs_an_example_for_each_component(images):
    model = vae(keras_vae.VampVAE, components=80)
    with pytest.raises(ValueError, match=r"at least 80 examples.*64"):
        model.adapt(images)


def test_pseudo_inputs_stay_within_the_support_of_the_likelihood(images):
    model = compiled(vae(keras_vae.VampVAE, components=4), keras.optimizers.SGD(100.0, clipnorm=1.0))
    model.fit(images, verbose=0)
    assert 0.0 <= np.min(model.pseudo_inputs) < np.max(model.pseudo_inputs) <= 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"components": 0}, "components must be"),
        ({"posterior": "laplace"}, 'needs posterior="normal"'),
        ({"prior": "laplace"}, "leave prior= out"),
    ],
)
def test_vamp_vae_refuses_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        vae(keras_vae.VampVAE, **arguments)


def test_log_likelihood_and_sample_keep_their_graphs_until_a_part_is_replaced(images):
    x = images[:3]
    model = keras_vae.VAE(latent_size=2, seed=0)
    model.build((None, 8, 8, 1))
    before = model.log_likelihood(x, samples=7)
    graph = model._graphs["log_likelihood"]
    assert np.array_equal(model.log_likelihood(x, samples=7), before)
    assert model._graphs["log_likelihood"] is graph
    assert graph.experimental_get_tracing_count() == 1
    drawn = model.sample(2, seed=0)
    decode = model.decode
    model.decode = lambda z: decode(z + 1.0)
    assert not np.allclose(model.log_likelihood(x, samples=7), before)
    assert not np.allclose(model.sample(2, seed=0), drawn)
