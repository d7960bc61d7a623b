"""VampVAE: its prior is the mixture of its posteriors at pseudo-inputs."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from kinds import mean_terms
from tiny import compiled, vae

import keras_vae


def twin(model, **kwargs):
    """A VampVAE with the weights of a VAE."""
    other = vae(keras_vae.VampVAE, **kwargs)
    other.build((None, 8, 8, 1))
    for name in ("encoder", "posterior", "decoder"):
        getattr(other, name).set_weights(getattr(model, name).get_weights())
    return other


def test_vamp_prior_whose_posteriors_are_all_the_standard_normal_is_the_vae(fitted, images):
    model = twin(fitted("vae")[0], components=7)
    head = model.posterior.head
    raw = np.log(np.expm1(1.0 - 1e-5))
    head.set_weights([np.zeros_like(head.kernel), np.repeat([0.0, raw], 3)])
    z = tf.random.normal((50, 3))
    standard = keras_vae.parts.StandardNormalPrior(3).distribution()
    np.testing.assert_allclose(model.prior_of().log_prob(z), standard.log_prob(z), atol=1e-4)
    assert mean_terms(model, images)[0]["rate"] == pytest.approx(0.0, abs=1e-4)


def test_prior_of_one_pseudo_input_is_its_posterior(fitted, images):
    model = twin(fitted("vae")[0], components=1)
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
