"""Models of the kinds that the seam must carry go all ways that models go."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from frontier import (
    ALPHABET,
    FRAMES,
    LENGTH,
    adversarial,
    coupling,
    directions,
    flow_posterior,
    flow_prior,
    ladder,
    local_decoder,
    regularized,
    scene,
    strings,
    wasserstein,
)
from tiny import compiled, translated_for_xla, vae

random = np.random.default_rng(0)
KINDS = {
    "ladder": (ladder, random.normal(size=(32, 3)).astype("float32")),
    "flow_prior": (flow_prior, random.random((32, 8, 8, 1)).astype("float32")),
    "flow_posterior": (flow_posterior, random.random((32, 8, 8, 1)).astype("float32")),
    "strings": (strings, random.integers(0, ALPHABET, (32, LENGTH)).astype("int32")),
    "scene": (scene, random.normal(size=(32, FRAMES, 2)).astype("float32")),
    "coupling": (coupling, random.random((32, 8, 8, 1)).astype("float32")),
    "local_decoder": (local_decoder, random.integers(0, 2, (32, 8, 8, 1)).astype("float32")),
    **{
        make.__name__: (make, random.random((32, 8, 8, 1)).astype("float32"))
        for make in (directions, wasserstein, adversarial, regularized)
    },
}
AFTERWARDS = ("flow_matching", "noise_contrastive", "resampled")  # priors that are fitted after the training
KINDS |= {
    prior: (functools.partial(vae, prior=prior), random.random((32, 8, 8, 1)).astype("float32")) for prior in AFTERWARDS
}
DICTS = ("ladder", "scene")
# A nest of latents, whole numbers, flows, a likelihood with weights, a critic
OF_EVERY_SORT = ("ladder", "strings", "coupling", "local_decoder", "adversarial")
# `make core` has a nest of latents and one of whole numbers.
EVERY = pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=() if kind in ("ladder", "strings") else pytest.mark.further) for kind in KINDS]
)

pytestmark = pytest.mark.further  # `make core` has their proofs, in theory/test_frontier.py


@pytest.fixture
def made(kind):
    make, x = KINDS[kind]
    return make(seed=0), x


def finite(history):
    return np.isfinite(np.concatenate(list(history.values()))).all()


@EVERY
def test_it_learns_is_saved_and_loaded_and_its_verbs_work(kind, made, tmp_path):
    model, x = made
    compiled(model, keras.optimizers.Adam(0.01))
    history = model.fit(x, batch_size=8, epochs=4, verbose=0, validation_data=(x,)).history
    assert finite(history)
    falls = "free_energy" if model.has_density else "distortion"
    assert history[falls][-1] < history[falls][0]
    assert ("free_energy" in history) == ("rate" in history) == model.has_density
    z, rows = model.embed(x), model.reconstruct(x)
    shapes = (
        {name: (32, *shape) for name, shape in model.latent_shape().items()}
        if kind in DICTS
        else (32, *model.latent_shape())
    )
    assert (({name: part.shape for name, part in z.items()}) if kind in DICTS else z.shape) == shapes
    assert rows.shape == x.shape
    assert model.sample(3, seed=0).shape == (3, *x.shape[1:])
    if model.has_density:
        assert np.isfinite(model.log_likelihood(x, samples=3)).all()
    np.testing.assert_allclose(model.predict(x, verbose=0), rows, atol=1e-5)
    if kind in AFTERWARDS:
        model.adapt(x, epochs=2, verbose=0)
        rate = model.evaluate(x, verbose=0, return_dict=True)["rate"]
        assert abs(rate - history["rate"][-1]) > 1e-3
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    keras.tree.map_structure(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), loaded.embed(x), z)
    if kind in AFTERWARDS:
        again = loaded.log_likelihood(x, samples=2), model.log_likelihood(x, samples=2)
        np.testing.assert_allclose(*again, rtol=1e-4)
        assert len(loaded.trainable_variables) == len(model.trainable_variables)
        assert not any("prior" in weight.path for weight in loaded.trainable_variables)


@pytest.mark.parametrize("kind", OF_EVERY_SORT)
def test_it_fits_under_xla(kind, made):
    model, x = made
    assert finite(compiled(model, jit_compile=True).fit(x, batch_size=16, verbose=0).history)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in OF_EVERY_SORT])
def test_a_step_of_fit_is_translated_for_xla(kind, made):
    assert "HloModule" in translated_for_xla(*made)


@EVERY
def test_it_fits_in_bfloat16(kind):
    keras.config.set_dtype_policy("mixed_bfloat16")
    make, x = KINDS[kind]
    # What does not go together fails step by step as in a graph, which takes longer to make
    assert finite(compiled(make(seed=0), run_eagerly=True).fit(x, batch_size=32, verbose=0).history)


@pytest.mark.parametrize("kind", OF_EVERY_SORT)
def test_it_fits_on_two_replicas(kind, strategy):
    make, x = KINDS[kind]
    with strategy.scope():
        model = compiled(make(seed=0))
    assert finite(model.fit(x, batch_size=16, verbose=0).history)


@pytest.mark.parametrize("kind", KINDS)
def test_verbs_that_make_no_sense_say_so(kind, made):
    model, x = made
    model.build(x.shape)
    if kind in DICTS:
        with pytest.raises(ValueError, match="has no traversals"):
            model.traverse(x, latent=0)
        with pytest.raises(TypeError, match="are a dict of"):
            model.decode(tf.zeros((2, 3)))
    else:
        assert len(model.traverse(x[:2], latent=0, values=(0.0, 1.0))) == 2
        with pytest.raises(TypeError, match="are one array"):
            model.decode({"z": tf.zeros((2, 3))})
    if kind not in ("flow_prior", "coupling", *AFTERWARDS):
        with pytest.raises(ValueError, match="cannot be fitted to data"):
            model.adapt(x)
