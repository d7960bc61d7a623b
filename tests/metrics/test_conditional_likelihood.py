"""Likelihoods of some modalities given others, against integrals over the one latent of a model."""

import keras
import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf
from tiny import compiled, mvae

from keras_vae import metrics

pytestmark = pytest.mark.slow  # its models are fitted for it

SHAPES = (("image", (8, 8, 1)), ("middle", (16,)), ("row", (8,)))


@pytest.fixture(scope="module")
def trained(pairs):
    """An MVAE of three modalities and one latent that is used; experts widened, for weights without heavy tails."""
    keras.utils.set_random_seed(0)
    model = compiled(mvae(latent_size=1, shapes=SHAPES, seed=0), keras.optimizers.Adam(0.01))
    model.fit(three(pairs), batch_size=16, epochs=100, verbose=0)
    for name in model.modalities:
        model.posterior[name].head.bias.assign_add([0.0, 2.0])
    return model


def three(pairs):
    return {**pairs, "row": pairs["image"][:, 3, :, 0]}


def integral(model, x):
    """log p(x) by the trapezoidal rule on a grid of the latent, which converges beyond all orders."""
    grid = np.linspace(-8, 8, 1601, dtype="float32")
    batch = model.prepare(x)
    rows = tf.shape(next(iter(batch.x.values())))[0]
    z = tf.broadcast_to(grid[:, None, None], (len(grid), rows, 1))
    logs = np.float64(model.likelihood_of(z, batch).log_prob(batch.x)) + scipy.stats.norm.logpdf(grid)[:, None]
    return scipy.special.logsumexp(logs, axis=0) + np.log(grid[1] - grid[0])


def some(x, *names):
    return {name: x[name] for name in names}


def few(x, rows):
    return {name: part[:rows] for name, part in x.items()}


@pytest.mark.slow
@pytest.mark.parametrize("given", ["image", "middle", ("row",), ("image", "row")])
def test_is_the_joint_less_the_marginal_by_integration(given, trained, pairs):
    x = few(three(pairs), 8)
    exact = integral(trained, x) - integral(trained, some(x, *([given] if isinstance(given, str) else given)))
    measured = trained.log_likelihood(x, samples=20_000, chunk=5000, given=given)
    np.testing.assert_allclose(measured, exact, atol=0.1)
    assert measured.mean() == pytest.approx(exact.mean(), abs=0.03)


def test_what_is_given_tells_of_the_rest(trained, pairs):
    x = some(three(pairs), "image", "middle")
    conditional = trained.log_likelihood(x, samples=1000, given="image")
    assert conditional.shape == (32,)
    assert conditional.mean() > trained.log_likelihood(some(x, "middle"), samples=1000).mean() + 0.3


def test_with_nothing_given_it_is_the_joint(trained, pairs):
    x = three(pairs)
    joint = trained.log_likelihood(x, 20)
    for given in (None, ()):
        np.testing.assert_array_equal(trained.log_likelihood(x, samples=20, given=given), joint)


def test_rows_without_what_is_given_are_marginal_and_rows_without_the_rest_zero(trained, pairs):
    x = few(some(three(pairs), "image", "middle"), 12)
    no_image, no_middle = np.arange(12) < 4, np.arange(12) >= 8
    masked = {
        "image": np.where(no_image[:, None, None, None], np.nan, x["image"]),
        "middle": np.where(no_middle[:, None], np.nan, x["middle"]),
        "observed": {"image": ~no_image, "middle": ~no_middle},
    }
    measured = trained.log_likelihood(masked, samples=20_000, chunk=5000, given="image")
    marginal = integral(trained, some(x, "middle"))
    np.testing.assert_allclose(measured[:4], marginal[:4], atol=0.1)
    conditional = integral(trained, x) - integral(trained, some(x, "image"))
    np.testing.assert_allclose(measured[4:8], conditional[4:8], atol=0.1)
    np.testing.assert_allclose(measured[8:], 0.0, atol=1e-4)


def test_metric_hands_on_what_is_given(trained, pairs):
    x = three(pairs)
    options = {"samples": 50, "batch_size": 16, "seed": 3}
    estimate = metrics.negative_log_likelihood(trained, x, given="image", **options)
    assert estimate.value == pytest.approx(-trained.log_likelihood(x, given="image", **options).mean())
    assert (estimate.unit, estimate.examples, estimate.samples) == ("nats", 32, 50)


def test_progress_counts_each_example_once(trained, pairs):
    done = []
    trained.log_likelihood(three(pairs), samples=2, batch_size=16, given="image", progress=done.append)
    assert done == [16, 16]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("audio", "Unknown modality 'audio'.*'middle'"),
        (("image", "row"), r"one that x does not have: \['row'\]"),
        (("middle", "image"), r"All of \['image', 'middle'\] are given: nothing is left"),
    ],
)
def test_refuses_to_be_given_what_is_not_there_or_everything(given, message, trained, pairs):
    with pytest.raises(ValueError, match=message):
        trained.log_likelihood(pairs, samples=2, given=given)
