"""Posteriors, priors and what both share with likelihoods: policies, configurations, names."""

import keras
import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf

from keras_vae.parts import (
    LIKELIHOODS,
    POSTERIORS,
    PRIORS,
    ConditionalNormalPrior,
    DeterministicPosterior,
    DiscretizedLogisticLikelihood,
    HomoscedasticNormalPosterior,
    LaplaceLikelihood,
    LaplacePosterior,
    LaplacePrior,
    NormalLikelihood,
    NormalPosterior,
    PowerSphericalPosterior,
    Prior,
    SphericalUniformPrior,
    StandardNormalPrior,
    resolve,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def built(layer, shape=None):
    layer.build(shape)
    return layer


@pytest.mark.parametrize(
    ("cls", "expected"), [(NormalPosterior, scipy.stats.norm), (LaplacePosterior, scipy.stats.laplace)]
)
def test_posterior_is_the_head_applied_to_the_features(cls, expected, rng):
    posterior = built(cls(2), (None, 3, 2))
    features, z = rng.normal(size=(5, 3, 2)).astype("float32"), rng.normal(size=(5, 2)).astype("float32")
    kernel, bias = posterior.get_weights()
    out = features.reshape(5, 6) @ kernel + bias
    loc, scale = out[:, :2], np.log1p(np.exp(out[:, 2:])) + 1e-5
    got = posterior.distribution(features)
    np.testing.assert_allclose(got.log_prob(z), expected.logpdf(z, loc, scale).sum(-1), rtol=1e-4)
    np.testing.assert_allclose(got.mean(), loc, rtol=1e-5, atol=1e-6)


def test_posterior_scale_never_reaches_zero():
    posterior = built(NormalPosterior(1), (None, 1))
    posterior.head.set_weights([np.zeros((1, 2)), np.array([0.0, -1000.0])])
    _, scale = posterior(tf.ones((1, 1)))
    assert scale.numpy() == pytest.approx(1e-5)


def test_conditional_prior_is_normal_with_what_its_network_and_head_make_of_the_condition(rng):
    network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(6, "tanh")])
    prior = ConditionalNormalPrior(3, network)
    prior.build((None, 4))
    condition = rng.normal(size=(5, 4)).astype("float32")
    p = prior.distribution(condition)
    loc, scale = prior.head(network(condition))
    z = rng.normal(size=(2, 5, 3)).astype("float32")
    np.testing.assert_allclose(p.log_prob(z), scipy.stats.norm(loc, scale).logpdf(z).sum(-1), rtol=1e-5)
    assert len(prior.trainable_weights) == 4
    again = ConditionalNormalPrior.from_config(keras.saving.serialize_keras_object(prior)["config"])
    assert again.latent_size == 3
    assert again.network.input_shape == (None, 4)


def test_standard_normal_prior_is_standard_normal(rng):
    z = rng.normal(size=(5, 3)).astype("float32")
    np.testing.assert_allclose(
        StandardNormalPrior(3).distribution().log_prob(z), scipy.stats.norm.logpdf(z).sum(-1), rtol=1e-5
    )


def test_laplace_prior_has_learned_scales_of_mean_one(rng):
    prior = built(LaplacePrior(3))
    z = rng.normal(size=(5, 3)).astype("float32")
    np.testing.assert_allclose(prior.distribution().log_prob(z), scipy.stats.laplace.logpdf(z).sum(-1), rtol=1e-5)
    prior.raw_scale.assign([0.0, 1.0, 2.0])
    scale = 3 * scipy.special.softmax([0.0, 1.0, 2.0])
    np.testing.assert_allclose(
        prior.distribution().log_prob(z), scipy.stats.laplace.logpdf(z, 0, scale).sum(-1), rtol=1e-5
    )
    assert len(prior.trainable_variables) == 1


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16"])
def test_every_distribution_is_float32_whatever_the_policy(policy):
    keras.config.set_dtype_policy(policy)
    half = tf.zeros((2, 4, 4, 2), policy.removeprefix("mixed_"))
    for cls in LIKELIHOODS.values():
        layer = built(cls())
        assert layer.distribution(half).dtype == tf.float32, cls
    for cls in (NormalLikelihood, LaplaceLikelihood):
        assert built(cls("learned")).distribution(half).log_prob(tf.zeros((2, 4, 4, 2))).dtype == tf.float32, cls
    for cls in POSTERIORS.values():
        layer = built(cls(3), half.shape)
        q = layer.distribution(half)
        assert q.dtype == tf.float32, cls
        assert {weight.dtype for weight in layer.weights} == {"float32"}
    layer = built(HomoscedasticNormalPosterior(2), (2, 2))
    assert layer.distribution(half[:, 0, 0]).dtype == tf.float32
    for cls in PRIORS.values():
        assert built(cls(3)).distribution().dtype == tf.float32, cls


@pytest.mark.parametrize(
    "layer",
    [
        NormalLikelihood("learned"),
        LaplaceLikelihood(0.2),
        DiscretizedLogisticLikelihood(16),
        NormalPosterior(3),
        HomoscedasticNormalPosterior(3),
        LaplacePrior(3),
        DeterministicPosterior(3),
        PowerSphericalPosterior(3),
        SphericalUniformPrior(3),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_configuration_makes_the_same_layer_again(layer):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()


def test_resolve_makes_strings_into_objects_and_leaves_objects():
    assert isinstance(resolve("laplace", PRIORS, Prior, "prior", latent_size=2), LaplacePrior)
    prior = StandardNormalPrior(2)
    assert resolve(prior, PRIORS, Prior, "prior", latent_size=7) is prior


@pytest.mark.parametrize(("given", "error"), [("gauss", ValueError), (3, TypeError), (None, TypeError)])
def test_resolve_refuses_what_is_no_prior_and_names_the_choices(given, error):
    with pytest.raises(error, match="standard_normal"):
        resolve(given, PRIORS, Prior, "prior", latent_size=2)
