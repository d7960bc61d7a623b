"""Data to bytes and back: the same again, at the free energy's price, and refused where something is wrong."""

import functools
import os
import pathlib
import subprocess
import sys
import zlib

import kinds
import numpy as np
import pytest
from tiny import vae

import keras_vae
from keras_vae import coding, data
from keras_vae.coding import stream
from keras_vae.coding.stack import Stack
from keras_vae.parts import DiscretizedLogisticLikelihood

LEVELS = 17


@functools.cache
def grey():
    """scikit-learn's digits, values from 0 to 16, float32 `[600, 8, 8, 1]`."""
    return np.rint(16 * data.digits("train")[0][:600])


def black():
    return (grey() > 8).astype("uint8")


@functools.cache
def coder(likelihood="bernoulli", **options):
    """A VAE that codes, and what it was fitted to."""
    if likelihood == "bernoulli":
        x = black()
    elif likelihood == "categorical":
        x = np.eye(LEVELS, dtype="float32")[grey()[..., 0].astype(int)]
    else:
        likelihood, x = DiscretizedLogisticLikelihood(LEVELS, scale=likelihood), (grey() / 16).astype("float32")
    model = keras_vae.VAE(latent_size=4, likelihood=likelihood, seed=0, **options)
    model.compile("adam")
    model.fit(x.astype("float32"), epochs=2, verbose=0)
    return model, x


@pytest.mark.parametrize("likelihood", ["bernoulli", "categorical", "decoded", "learned"])
def test_data_come_back_as_they_were_and_cost_their_free_energy(likelihood):
    model, x = coder(likelihood)
    counted = []
    stored = model.compress(x, progress=counted.append)
    assert sum(counted) == 2 * len(x)
    again = model.decompress(stored)
    assert again.dtype == x.dtype
    np.testing.assert_array_equal(again, x)
    bits = model.evaluate(x, verbose=0, return_dict=True)["free_energy"] / np.log(2)
    assert 8 * len(coding.opened(stored)[1]) / len(x) == pytest.approx(bits, rel=0.03)  # of one draw, and with the seed


@pytest.mark.parametrize("merge", ["precision", "residual", "free"])
def test_a_ladder_costs_the_free_energy_of_all_its_rungs(merge):
    model = keras_vae.LadderVAE(latent_sizes=(4, 3, 2), widths=(16, 16, 16), merge=merge, seed=0)
    model.compile("adam")
    model.fit(black().astype("float32"), epochs=2, verbose=0)
    stored = model.compress(black())
    np.testing.assert_array_equal(model.decompress(stored), black())
    bits = model.evaluate(black().astype("float32"), verbose=0, return_dict=True)["free_energy"] / np.log(2)
    assert 8 * len(coding.opened(stored)[1]) / len(black()) == pytest.approx(bits, rel=0.03)


@pytest.mark.parametrize("count", [1, 2, 17])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16"])
def test_any_number_of_examples_of_any_type(count, dtype):
    x = black()[:count].astype(dtype)
    again = coder()[0].decompress(coder()[0].compress(x))
    assert again.dtype == dtype
    np.testing.assert_array_equal(again, x)


def test_levels_of_8_bits_are_whole_numbers():
    model, x = keras_vae.VAE(latent_size=2, likelihood="discretized_logistic", seed=0), kinds.images(4)
    model.build((None, 8, 8, 1))
    x = np.rint(255 * x).astype("uint8")
    np.testing.assert_array_equal(model.decompress(model.compress(x)), x)


def test_a_convolutional_model_codes():
    encoder = keras_vae.networks.convolutional_encoder((8, 8, 1), (4, 8), 16)
    decoder = keras_vae.networks.convolutional_decoder(4, (8, 8, 1), (8, 4), 16)
    model = keras_vae.VAE(encoder, decoder, 4, seed=0)
    model.build((None, 8, 8, 1))
    np.testing.assert_array_equal(model.decompress(model.compress(black()[:40])), black()[:40])


def test_rungs_of_places_code():
    sizes, shape, filters = (1, 2, 3), (8, 8, 1), (4, 4)
    model = keras_vae.LadderVAE(
        keras_vae.networks.residual_ladder_encoder(shape, filters, width=8),
        keras_vae.networks.residual_ladder_decoder(1, shape, filters),
        keras_vae.networks.residual_top_down(sizes, shape, filters, width=8),
        latent_sizes=sizes,
        merge="residual",
    )
    model.build((None, *shape))
    np.testing.assert_array_equal(model.decompress(model.compress(black()[:20])), black()[:20])


def test_the_bytes_are_the_same_in_another_process_with_other_threads(tmp_path):
    model, x = coder()
    model.save(tmp_path / "model.keras")
    (tmp_path / "data").write_bytes(model.compress(x[:50]))
    code = "import sys, pathlib, keras, keras_vae, numpy as np\n"
    code += "model = keras.saving.load_model(sys.argv[1] + '/model.keras')\n"
    code += "x = model.decompress(pathlib.Path(sys.argv[1], 'data').read_bytes())\n"
    code += "assert model.compress(x) == pathlib.Path(sys.argv[1], 'data').read_bytes()\n"
    code += "np.save(sys.argv[1] + '/again.npy', x)"
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1"}
    root = str(pathlib.Path(keras_vae.__file__).parents[1])
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, cwd=root, env={**os.environ, **threads})
    np.testing.assert_array_equal(np.load(tmp_path / "again.npy"), x[:50])


def test_nothing_damaged_is_decoded_in_silence():
    model, x = coder()
    stored, rng = model.compress(x[:5]), np.random.default_rng(0)
    for trial in range(200):
        harmed = bytearray(stored)
        if trial % 4 == 0:
            harmed = harmed[: rng.integers(len(stored))]
        elif trial % 4 == 1:
            harmed += bytes(rng.integers(256, size=rng.integers(1, 9)).tolist())
        else:
            harmed[rng.integers(len(stored))] ^= 1 << rng.integers(8)
        with pytest.raises(ValueError, match="compressed data"):
            model.decompress(bytes(harmed))


@pytest.mark.parametrize("described", [b"{}", b"3", b"no JSON", b'{"entry": "vae"}'])
def test_what_was_forged_is_refused_too(described):
    forged = b"".join([stream.MAGIC, stream.HEAD.pack(stream.VERSION, len(described)), described, b"rest"])
    with pytest.raises(ValueError, match="do not say what they are"):
        coder()[0].decompress(forged + stream.SUM.pack(zlib.crc32(forged)))


def test_another_model_is_named():
    stored = coder()[0].compress(black()[:3], entry="mine")
    with pytest.raises(ValueError, match="compressed by the entry 'mine'"):
        vae().decompress(stored)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda model: model.compress(grey()[:3] / 16), ValueError, "zeros and ones; keras_vae.data.binarize"),
        (lambda model: model.compress(black()[:3] * np.nan), ValueError, "zeros and ones"),
        (lambda model: model.compress(black()[:3, ..., 0]), ValueError, r"the shape \['examples', 8, 8, 1\]"),
        (lambda model: model.compress(black()[:0]), ValueError, "must"),
        (lambda model: model.compress(255 * black()[:3]), ValueError, "zeros and ones"),
        (lambda model: model.compress(black()[:3].astype("int8")), TypeError, "one of the types"),
        (lambda model: model.compress({"x": black()}), TypeError, "x must be one array"),
        (lambda model: model.compress(black()[:3], entry=3), TypeError, "entry must be"),
        (lambda model: model.decompress("text"), TypeError, "the bytes that compress returned"),
        (lambda model: model.decompress(b"PK\x03\x04" * 20), ValueError, "no compressed data"),
    ],
)
def test_wrong_input_is_refused(call, error, says):
    with pytest.raises(error, match=says):
        call(coder()[0])


@pytest.mark.parametrize("kind", kinds.ROWS, ids=str)
def test_a_model_of_another_kind_codes_or_says_that_it_does_not(kind):
    model = kinds.built(kind)
    if kind.name in ("vae", "iwae", "beta_vae", "beta_tc_vae", "factor_vae", "ladder_vae"):
        x = (kind.data() > 0.5).astype("uint8")
        np.testing.assert_array_equal(model.decompress(model.compress(x)), x)
    else:
        with pytest.raises(ValueError, match="compress codes"):
            model.compress(np.zeros((2, 8, 8, 1)))


def test_what_is_taken_from_the_seed_is_paid_and_given_back():
    stack = Stack(100)
    symbols = stack.pop_interval(3, lambda places: (places >> 10, places >> 10 << 10, np.full(3, 1 << 10)))
    assert len(stack.to_bytes()) <= 4 * 8
    stack = Stack(100, stack.to_bytes())
    stack.push_interval(symbols << 10, np.full(3, 1 << 10))
    assert stack.is_seed()
