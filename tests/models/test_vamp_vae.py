"""VampVAE: its prior is the mixture of its posteriors at pseudo-inputs."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny import compiled, vae

import keras_vae


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


def test_vamp_prior_whose_posteriors_are_all_the_standard_normal_is_the_vae(trained, images):
    model = twin(trained, keras_vae.VampVAE, components=7)
    head = model.posterior.head
    head.set_weights([np.zeros_like(weight) for weight in head.get_weights()])
    raw = np.log(np.expm1(1.0 - 1e-5))
    head.bias.assign(np.repeat([0.0, raw], 2).astype("float32"))
    z = tf.random.normal((50, 2))
    standard = keras_vae.parts.StandardNormalPrior(2).distribution()
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
