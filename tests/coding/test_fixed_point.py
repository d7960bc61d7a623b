"""Tables of functions, made of whole numbers: right, and the same on every machine."""

import hashlib

import keras
import numpy as np
import pytest
from scipy import special, stats

from keras_vae.coding import fixed_point
from keras_vae.coding.fixed_point import FINE, FUNCTIONS, GRID, ONE

PLACES = np.arange(-16 << GRID, 16 << GRID) / 2**GRID
TABLES = {
    "logistic": (fixed_point.logistic_table, ONE, special.expit, 4e-9, "54a6068108a62f21"),
    "softplus": (fixed_point.softplus_table, 2**FINE, lambda x: np.logaddexp(0.0, x), 2e-6, "8e3d2f253ae31f8b"),
    "normal": (fixed_point.normal_table, ONE, stats.norm.cdf, 4e-9, "0e311b221bcea951"),
    "exp": (fixed_point.exp_table, ONE, lambda x: np.exp(-x - 16.0), 4e-9, "873eaf08fc4311e8"),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_right_and_the_same_everywhere(name):
    table, unit, function, error, digest = TABLES[name]
    np.testing.assert_allclose(table() / unit, function(PLACES), atol=error)
    assert hashlib.sha256(table().astype("<i8").tobytes()).hexdigest()[:16] == digest


@pytest.mark.parametrize("name", ["linear", "relu", *FUNCTIONS])
def test_activations_are_those_of_keras_to_a_half_step(name):
    whole = np.arange(-100_000.0, 100_000.0, 37.0)
    of_keras = np.asarray(getattr(keras.activations, name)(keras.ops.convert_to_tensor(whole / 2**GRID, "float32")))
    np.testing.assert_allclose(fixed_point.apply(name, whole) / 2**GRID, of_keras, atol=0.52 / 2**GRID)


def test_between_its_places_a_table_is_linear_and_never_falls():
    table, places = fixed_point.normal_table(), np.arange(-(9 << FINE), 9 << FINE, 997)
    found = fixed_point.interpolated(table, places, FINE)
    np.testing.assert_allclose(found / ONE, stats.norm.cdf(places / 2**FINE), atol=2e-8)
    assert (np.diff(found) >= 0).all()
    np.testing.assert_array_equal(fixed_point.interpolated(table, np.array([-(2**40), 2**40]), FINE), table[[0, -2]])
