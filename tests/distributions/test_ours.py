"""Every distribution of our own, in the harness."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from harness import CHECKS, Case

from keras_vae.distributions import FullNormalMixture, NormalLikelihood, NormalMixture, draws, given_visible
from keras_vae.distributions.coupled import CoupledExponential
from keras_vae.distributions.likelihoods import Bernoulli, DiscretizedLogistic, IndependentBernoulli
from keras_vae.models.code_priors import AutoregressivePrior
from keras_vae.networks import gated_pixel_cnn

tfd = tfp.distributions
RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


def positive(*shape):
    return RNG.uniform(0.3, 2.0, size=shape).astype("float32")


def mixture(z, loc, scale):
    shares = tfd.Categorical(logits=tf.zeros(len(loc)))
    return tfd.MixtureSameFamily(shares, tfd.MultivariateNormalDiag(loc, scale)).log_prob(z)


def full_mixture(z, logits, loc, factors):
    cholesky = tf.linalg.cholesky(tf.linalg.inv(tf.matmul(factors, factors, transpose_a=True)))
    return tfd.MixtureSameFamily(tfd.Categorical(logits), tfd.MultivariateNormalTriL(loc, cholesky)).log_prob(z)


def rounded_logistic(x, loc, scale):
    levels = tfd.TransformedDistribution(tfd.Logistic(15 * loc, 15 * scale), tfp.bijectors.Shift(-0.5))  # rounds up
    return tfd.QuantizedDistribution(levels, low=0.0, high=15.0).log_prob(tf.round(15 * x))


def coupled(strength):
    """Two modalities of one latent each."""
    coupling = np.zeros((4, 4), "float32")
    coupling[0, 1] = coupling[1, 0] = strength  # the latents
    coupling[2, 3] = coupling[3, 2] = -strength  # their squares
    return lambda linear, quadratic: CoupledExponential(coupling, np.arange(2), linear, quadratic, log_partition=0.0)


def uncoupled(z, linear, quadratic):
    variance = 1 / (1 - 2 * quadratic)
    return tfd.MultivariateNormalDiag(variance * linear, np.sqrt(variance)).log_prob(z)


def codes(fitted):
    """`(make, parameters)` of grids of 2x2 out of 3 codes: the parameters are a network's weights."""
    keras.utils.set_random_seed(0)
    prior = AutoregressivePrior(3, gated_pixel_cnn((2, 2), 3, width=4, blocks=1, dropout=0.0))
    prior.build((None, 2, 2))
    prior.fitted.assign(fitted)
    prior.set_weights([weight + 0.3 * normal(*weight.shape) if weight.ndim else weight for weight in prior.get_weights()])
    return lambda *_: prior.distribution(), (prior.network.weights[-1].value,) if fitted else ()


def half_visible(loc):
    visible, mask = normal(3, 4), np.arange(12).reshape(3, 4) % 2 == 0
    return lambda loc: given_visible(NormalLikelihood(0.5).distribution(loc), visible, mask)
