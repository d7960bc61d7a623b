"""Every kind of model comes back from its file as it was, and goes on."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from kinds import built, close, default, every_kind, explained, leaves
from tiny import compiled, weights


@every_kind()
def test_saved_model_embeds_the_same_and_continues_training_as_the_original_would(kind, data, tmp_path):
    model = compiled(kind.make(seed=1), keras.optimizers.Adam(0.01), run_eagerly=True)
    model.fit(data, batch_size=32, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    close(loaded.embed(data), model.embed(data))
    assert int(loaded.optimizer.iterations) == 2
    for saved, original in zip(loaded.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(saved, original)
    for twin in (model, loaded):  # the noise goes on too
        twin.fit(data, batch_size=32, shuffle=False, verbose=0)
    np.testing.assert_allclose(weights(loaded), weights(model), atol=1e-6)


def without_shapes(config):
    """A configuration without Keras's own records of what was built: tuples that JSON makes lists."""
    if isinstance(config, dict):
        return {key: without_shapes(value) for key, value in config.items() if key != "build_config"}
    return [without_shapes(value) for value in config] if isinstance(config, (list, tuple)) else config


@every_kind(lambda kind: kind.default)
def test_model_with_default_networks_fits_and_comes_back_with_its_arguments(kind, data, tmp_path):
    model = compiled(default(kind, beta=2.5, seed=7), run_eagerly=True)
    assert np.isfinite(model.fit(data, batch_size=32, verbose=0).history["loss"]).all()
    x = explained(model, data)
    assert [part.shape for part in leaves(model.reconstruct(data))] == [part.shape for part in leaves(x)]
    model.beta.assign(3.5)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    close(loaded.embed(data), model.embed(data))
    assert without_shapes(loaded.get_config()) == without_shapes(model.get_config())
    assert float(loaded.beta) == 3.5
    assert loaded.seed == 7
    if kind.multimodal:
        for name in ("private_latents", "rung_sizes"):
            assert dict(getattr(loaded, name)) == kind.options.get(name, {})
        assert dict(loaded.modality_weights) == {"image": 1.0, "middle": 1.0} | kind.options.get("modality_weights", {})


@every_kind()
def test_weights_alone_can_be_saved_and_loaded(kind, data, fitted, tmp_path):
    model, _ = fitted(kind.name)
    model.save_weights(tmp_path / "m.weights.h5")
    fresh = built(kind, seed=9)
    both = zip(leaves(fresh.embed(data)), leaves(model.embed(data)), strict=True)
    assert all(np.abs(a - b).max() > 1e-3 for a, b in both)
    fresh.load_weights(tmp_path / "m.weights.h5")
    close(fresh.embed(data), model.embed(data))


@pytest.mark.slow
def test_model_loads_in_another_process(fitted, images, tmp_path):
    model, _ = fitted("vae")
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", images)
    code = (
        "import keras, numpy, keras_vae.models; "
        "model = keras.saving.load_model('model.keras'); "
        "numpy.save('z.npy', model.embed(numpy.load('x.npy')))"
    )
    subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=True, env={**os.environ, "KERAS_BACKEND": "tensorflow"}
    )
    np.testing.assert_allclose(np.load(tmp_path / "z.npy"), model.embed(images), atol=1e-6)
