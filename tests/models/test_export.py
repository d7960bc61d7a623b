"""Models as others serve them: what is exported gives what `predict` gives."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from kinds import built, every_kind, masked, pairs
from tiny import compiled, vae

import keras_vae

pytestmark = pytest.mark.further


def in_float32(data):
    return tf.nest.map_structure(lambda part: np.asarray(part, "float32"), data)


def close(got, wanted):
    for one, other in zip(tf.nest.flatten(dict(got)), tf.nest.flatten(dict(wanted)), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def by_name(output):
    return output if isinstance(output, dict) else {"output_0": output}


@every_kind()
def test_an_exported_model_serves_its_predictions(kind, data, tmp_path):
    model, x = built(kind), in_float32(data)
    before = model.seed_generator.position
    model.export(tmp_path, verbose=False)
    np.testing.assert_array_equal(model.seed_generator.position, before)
    loaded = tf.saved_model.load(tmp_path)
    close(by_name(loaded.serve(x)), by_name(model.predict(x, verbose=0)))
    part = tf.nest.map_structure(lambda part: part[:3], x)
    close(by_name(loaded.serve(part)), by_name(model.predict(part, verbose=0)))


@every_kind(lambda kind: kind.name in ("vae", "cvae", "mvae"))
def test_tensorflow_s_own_saving_serves_predictions_under_the_names_of_the_data(kind, data, tmp_path):
    model, x = built(kind), in_float32(data)
    tf.saved_model.save(model, tmp_path)
    loaded = tf.saved_model.load(tmp_path)
    given = x if isinstance(x, dict) else {"inputs": x}
    made = loaded.signatures["serving_default"](**tf.nest.map_structure(tf.constant, given))
    close(made, by_name(model.predict(x, verbose=0)))


def test_an_archive_of_an_endpoint_serves_it(images, tmp_path):
    model = vae()
    model.require_built()
    archive = keras.export.ExportArchive()
    archive.track(model)
    signature = [tf.TensorSpec((None, 8, 8, 1), tf.float32)]
    archive.add_endpoint("embed", lambda x: model.encode(x).mean(), input_signature=signature)
    archive.write_out(tmp_path, verbose=False)
    loaded = tf.saved_model.load(tmp_path)
    np.testing.assert_allclose(loaded.embed(images), model.embed(images), atol=1e-5)


@pytest.mark.parametrize("name", ["ppca", "vae"])
def test_an_entry_is_exported_right_after_it_is_loaded(name, tmp_path):
    model, x = keras_vae.zoo.load(name), keras_vae.zoo.examples(name)
    model.export(tmp_path, verbose=False)
    loaded = tf.saved_model.load(tmp_path)
    np.testing.assert_allclose(loaded.serve(x), model.predict(x, verbose=0), atol=1e-5)


def test_a_model_without_networks_is_not_exported(tmp_path):
    with pytest.raises(ValueError, match="no networks yet"):
        keras_vae.VAE().export(tmp_path / "exported")
    assert not list(tmp_path.iterdir())


def test_a_model_built_for_data_with_masks_is_exported_and_translates(tmp_path):
    data = masked(pairs())
    model = keras_vae.MVAE(latent_size=3)
    compiled(model).fit(data, verbose=0)
    assert model.translate({"image": data["image"]}, to="middle", samples=2).shape == (2, 32, 16)
    model.export(tmp_path, verbose=False)
    served = tf.saved_model.load(tmp_path)
    close(served.serve(in_float32(pairs())), model.predict(pairs(), verbose=0))
