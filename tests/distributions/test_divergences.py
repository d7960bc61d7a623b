"""Divergences: closed forms and estimates."""

import numpy as np
import pytest
import tensorflow_probability as tfp

from keras_vae.distributions import kl_divergence
from keras_vae.parts import LaplacePosterior, NormalPosterior, StandardNormalPrior

tfd = tfp.distributions


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_kl_of_normals_is_the_closed_form(rng):
    loc, scale = rng.normal(size=(5, 3)).astype("float32"), rng.uniform(0.1, 2, (5, 3)).astype("float32")
    q = NormalPosterior(3).family(loc, scale)
    got = kl_divergence(q, StandardNormalPrior(3).distribution(), z=None)
    np.testing.assert_allclose(got, 0.5 * (loc**2 + scale**2 - 1 - 2 * np.log(scale)).sum(-1), rtol=1e-5)


def test_kl_without_a_closed_form_is_the_monte_carlo_estimate():
    # KL(Laplace(m, b) || N(0, 1)) = b^2 + m^2/2 + log(2 pi)/2 - 1 - log(2 b): exact, though TFP registers none.
    loc, scale = np.float32([[0.5, -1.0]]), np.float32([[0.7, 0.2]])
    q, p = LaplacePosterior(2).family(loc, scale), StandardNormalPrior(2).distribution()
    with pytest.raises(NotImplementedError):
        tfd.kl_divergence(q, p)
    z = q.sample(20000, seed=(0, 1))
    got = kl_divergence(q, p, z).numpy()
    assert got.shape == (20000, 1)
    np.testing.assert_allclose(got, q.log_prob(z) - p.log_prob(z))
    exact = (scale**2 + loc**2 / 2 + 0.5 * np.log(2 * np.pi) - 1 - np.log(2 * scale)).sum()
    assert got.mean() == pytest.approx(exact, abs=4 * got.std() / np.sqrt(20000))
