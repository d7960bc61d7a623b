"""Temperatures of distributions."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from keras_vae.distributions import FullNormalMixture, NormalMixture, ProbabilityFlow, cooled
from keras_vae.parts import FlowPrior, LaplacePrior, NormalPosterior

tfd = tfp.distributions
FAR = np.float32([[-5.0, 0.0], [5.0, 1.0]])


def mixtures():
    ones = np.ones((2, 2), "float32")
    factors = np.stack([np.eye(2, dtype="float32")] * 2)
    return {"diagonal": NormalMixture(FAR, ones), "full": FullNormalMixture(np.zeros(2, "float32"), FAR, factors)}


@pytest.mark.parametrize("kind", ["diagonal", "full"])
def test_a_cooled_mixture_keeps_to_its_components(kind):
    z = cooled(mixtures()[kind], 0.1).sample(2000, seed=(0, 0)).numpy()
    nearest = FAR[(z[:, 0] > 0).astype(int)]
    np.testing.assert_allclose((z - nearest).std(axis=0), [0.1, 0.1], rtol=0.1)
    assert np.mean(z[:, 0] > 0) == pytest.approx(0.5, abs=0.05)


def test_normals_laplaces_and_flows_have_another_scale_and_the_same_noise():
    loc, scale = np.float32([[1.0, -2.0]]), np.float32([[0.5, 2.0]])
    p = NormalPosterior(2).family(loc, scale)
    seed = (0, 1)
    np.testing.assert_allclose(
        cooled(p, 0.5).sample(7, seed=seed), loc + 0.5 * (p.sample(7, seed=seed) - loc), rtol=1e-5
    )
    prior = LaplacePrior(2)
    prior.build()
    np.testing.assert_allclose(cooled(prior.distribution(), 0.5).stddev(), 0.5 * prior.distribution().stddev())
    flow = FlowPrior(2)
    flow.build()
    cold = cooled(flow.distribution(), 0.5).sample(2000, seed=seed)
    np.testing.assert_allclose(np.std(cold, axis=0), [0.5, 0.5], rtol=0.1)  # through the identity


def test_what_has_no_scale_says_so():
    with pytest.raises(TypeError, match="ProbabilityFlow has no scale"):
        cooled(ProbabilityFlow(tf.identity, tf.identity, 2), 0.5)
