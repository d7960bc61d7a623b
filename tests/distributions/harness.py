"""What a distribution of our own must do to be one of TFP's."""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

SEED = (3, 4)


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """A distribution with its parameters, and what it must be."""

    make: Callable  # of the parameters
    parameters: tuple  # arrays or variables, to each of which `log_prob` has a gradient
    event_shape: tuple = ()
    batch_shape: tuple = ()
    log_prob: Callable | None = None  # `(value, *parameters)`: TFP's own
    up_to_a_constant: bool = False  # both densities are
    discrete: bool = False  # no gradient reaches a value

    def made(self):
        return self.make(*self.parameters)

    def values(self, sample_shape=()):
        return self.made().sample(sample_shape, seed=SEED)


def sampling(case):
    """Shapes are those asked for, static and dynamic; a seed repeats its draws and another has others."""
    made, shape = case.made(), (5, 2, *case.batch_shape, *case.event_shape)
    assert tuple(made.batch_shape) == tuple(np.array(made.batch_shape_tensor())) == case.batch_shape
    assert tuple(made.event_shape) == tuple(np.array(made.event_shape_tensor())) == case.event_shape
    first, again, other = (np.array(made.sample((5, 2), seed=seed)) for seed in (SEED, SEED, (5, 6)))
    assert first.shape == shape
    assert first.dtype == made.dtype
    assert np.array(made.sample(seed=SEED)).shape == shape[2:]
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first[0], first[1])


def broadcasting(case):
    """Any leading axes of draws: each has the density that it has alone."""
    made, values = case.made(), case.values((3, 2))
    together = np.array(made.log_prob(values))
    assert together.shape == (3, 2, *case.batch_shape)
    assert np.isfinite(together).all()
    for index in np.ndindex(3, 2):
        np.testing.assert_allclose(together[index], made.log_prob(values[index]), rtol=1e-5, atol=1e-5)


def gradients(case):
    """Finite ones of the log-density to each parameter and, where it has any, to the value."""
    values = case.values((3,))
    watched = [part if isinstance(part, tf.Variable) else tf.constant(part) for part in case.parameters]
    with tf.GradientTape() as tape:
        tape.watch([part for part in (*watched, values) if part.dtype.is_floating])
        total = tf.reduce_sum(case.make(*watched).log_prob(values))
    found = tape.gradient(total, watched if case.discrete else [*watched, values])
    assert all(gradient is not None and np.isfinite(gradient).all() for gradient in found)
    assert all(np.any(gradient) for gradient in found)


def xla(case):
    """Compiled, densities are the same, and draws are of the same shape and as probable."""
    values = case.values((400,))
    expected = np.array(case.made().log_prob(values))
    log_prob = tf.function(lambda x: case.made().log_prob(x), jit_compile=True, autograph=False)
    np.testing.assert_allclose(log_prob(values), expected, rtol=1e-4, atol=1e-4)
    draw = tf.function(lambda: case.made().sample(400, seed=SEED), jit_compile=True, autograph=False)
    drawn = draw()
    assert drawn.shape == values.shape
    error = expected.std(axis=0) / np.sqrt(200)  # of the difference of two means over 400 draws
    difference = np.mean(case.made().log_prob(drawn), axis=0) - expected.mean(axis=0)
    assert (np.abs(difference) <= 5 * error + 1e-3).all()


def reference(case):
    """Densities of its draws are TFP's."""
    values = case.values((20,))
    got, expected = np.array(case.made().log_prob(values)), np.array(case.log_prob(values, *case.parameters))
    if case.up_to_a_constant:
        got, expected = got - got[0], expected - expected[0]
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


def checks(case):
    """Those of the above that apply."""
    yield from (sampling, broadcasting, xla)
    if case.parameters:
        yield gradients
    if case.log_prob:
        yield reference
