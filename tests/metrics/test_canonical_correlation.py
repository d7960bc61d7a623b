"""Canonical correlation analysis against least squares, on data whose modalities share latents by construction."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from keras_vae import metrics

EVENTS = {"left": (4, 4, 1), "right": (3, 5)}


def linear(examples, shared=3, noise=0.1, seed=0):
    """Pairs that are linear functions of shared latents, plus noise, within [0, 1]."""
    mixing, draws = np.random.default_rng(3), np.random.default_rng(seed)
    latents, x = draws.normal(size=(examples, shared)), {}
    for name, event in EVENTS.items():
        values = latents @ mixing.normal(size=(shared, np.prod(event))) + noise * draws.normal(
            size=(examples, np.prod(event))
        )
        x[name] = np.clip(0.5 + 0.05 * values, 0, 1).reshape(examples, *event).astype("float32")
    return x


def errors(made, x, train, to):
    """Reconstruction errors of a prediction, and of ordinary least squares on all dimensions."""
    source = "left" if to == "right" else "right"
    flat = {
        key: value.reshape(len(value), -1) for key, value in (("x", train[source]), ("y", train[to]), ("z", x[source]))
    }
    best = LinearRegression().fit(flat["x"], flat["y"]).predict(flat["z"]).reshape(made.shape)
    return metrics.reconstruction_error(x[to], made).value, metrics.reconstruction_error(x[to], best).value


@pytest.mark.parametrize(("source", "to"), [("left", "right"), ("right", "left")])
@pytest.mark.parametrize("noise", [0.1, 2.0])
def test_with_as_many_components_as_shared_latents_it_predicts_as_well_as_least_squares(noise, source, to):
    train, test = linear(3000, noise=noise), linear(2000, noise=noise, seed=1)
    made = metrics.CanonicalCorrelation(components=3).fit(train).translate({source: test[source]}, to=to)
    assert (made.dtype, made.shape) == ("float32", test[to].shape)
    error, best = errors(made, test, train, to)
    assert error == pytest.approx(best, abs=0.005)
    assert error < 0.8


@pytest.mark.parametrize(("source", "to"), [("left", "right"), ("right", "left")])
def test_with_all_components_it_is_least_squares(source, to):
    train, test = linear(600, noise=1.0), linear(500, noise=1.0, seed=1)
    made = metrics.CanonicalCorrelation(components=15).fit(train).translate({source: test[source]}, to=to)
    error, best = errors(made, test, train, to)
    assert error == pytest.approx(best, abs=1e-4)


def test_what_is_not_correlated_is_predicted_by_the_mean():
    """Where scikit-learn's `CCA.predict` doubles the error, as if each correlation were 1."""
    train = {"left": linear(3000)["left"], "right": linear(3000, seed=1)["right"]}
    made = (
        metrics.CanonicalCorrelation(components=3).fit(train).translate({"left": linear(500, seed=2)["left"]}, "right")
    )
    assert metrics.reconstruction_error(linear(500, seed=3)["right"], made).value == pytest.approx(1.0, abs=0.02)


def test_it_is_the_same_whatever_the_seed_of_the_translation_and_within_0_and_1():
    train = linear(500)
    cca = metrics.CanonicalCorrelation(components=2, pairs=300).fit(train)
    far = {"left": 20 * train["left"] - 10}
    made = cca.translate(far, to="right", seed=1)
    np.testing.assert_array_equal(made, cca.translate(far, to="right", seed=2))
    assert (made.min(), made.max()) == (0.0, 1.0)


def test_pairs_are_drawn_whole_and_by_the_seed():
    train = linear(2000)
    x = {"left": train["left"][:50]}
    made, again, other = (
        metrics.CanonicalCorrelation(3, pairs=500, seed=seed).fit(train).translate(x, "right") for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(made, again)
    assert np.abs(made - other).max() > 1e-5
    np.testing.assert_allclose(made, train["right"][:50], atol=0.05)  # the noise's scale is 0.005


def test_cross_coherence_takes_it_as_a_model():
    """Classes that a threshold on the mean tells, in two modalities."""
    generator = np.random.default_rng(0)
    classes = generator.integers(2, size=600)
    x = {
        name: (0.3 + 0.4 * classes).reshape(-1, *[1] * len(event)) + generator.normal(0, 0.02, (600, *event))
        for name, event in EVENTS.items()
    }

    def judge(images):
        mean = np.mean(images, axis=tuple(range(1, np.ndim(images))))
        return np.stack([0.5 - mean, mean - 0.5], axis=1)

    cca = metrics.CanonicalCorrelation(components=1).fit({name: array[:500] for name, array in x.items()})
    coherence = metrics.cross_coherence(
        cca, {"left": x["left"][500:]}, classes[500:], "right", {"right": judge}, samples=2
    )
    assert (coherence.value, coherence.examples) == (1.0, 100)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        ({"left": np.zeros((5, 4))}, TypeError, "two modalities; got a dict of .'left'"),
        ({**linear(5), "third": np.zeros((5, 2))}, TypeError, "two modalities"),
        (np.zeros((5, 4)), TypeError, "two modalities; got ndarray"),
        ({"left": np.zeros((5, 4)), "right": np.zeros((6, 4))}, ValueError, "pairs; got 5 of 'left' and 6 of 'right'"),
        ({"left": np.full((5, 4), np.nan), "right": np.zeros((5, 4))}, ValueError, "left must be finite"),
        (linear(5), ValueError, "components must be 1 to 5"),
    ],
)
def test_fit_refuses_what_are_no_pairs_of_two_modalities(x, error, message):
    with pytest.raises(error, match=message):
        metrics.CanonicalCorrelation(components=10).fit(x)


@pytest.mark.parametrize(
    ("inputs", "to", "message"),
    [
        ({"left": linear(5)["left"]}, "audio", r"Unknown modality 'audio'.*'left', 'right'"),
        (linear(5), "right", "'right' is predicted from {'left': array} alone"),
        ({"right": linear(5)["right"]}, "right", "'right' is predicted from {'left': array} alone"),
        ({"left": linear(5)["right"]}, "right", r"left must have the shape \[examples, 4, 4, 1\]; got \[5, 3, 5\]"),
    ],
)
def test_translate_refuses_what_it_was_not_fitted_to(inputs, to, message):
    cca = metrics.CanonicalCorrelation(components=2).fit(linear(50))
    with pytest.raises(ValueError, match=message):
        cca.translate(inputs, to=to)


def test_translate_needs_a_fit():
    with pytest.raises(ValueError, match=r"not fitted: call fit\(x\)"):
        metrics.CanonicalCorrelation().translate({"left": np.zeros((2, 4, 4, 1))}, to="right")
