"""Every distribution of our own, in the harness."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from harness import Case, checks

from keras_vae.distributions import (
    Bernoulli,
    DiscretizedLogistic,
    FullNormalMixture,
    IndependentBernoulli,
    NormalMixture,
    PowerSpherical,
    ProbabilityFlow,
    ResampledNormal,
    ReweightedNormal,
    draws,
    given_visible,
)
from keras_vae.distributions.coupled import CoupledExponential
from keras_vae.networks import gated_pixel_cnn, local_pixel_cnn
from keras_vae.parts import AutoregressiveLikelihood, AutoregressivePrior, NormalLikelihood

tfd = tfp.distributions
RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


def positive(*shape):
    return RNG.uniform(0.3, 2.0, size=shape).astype("float32")


def of(kind):
    """The density of TFP's distribution of the same parameters."""
    return lambda value, *parameters: kind(*parameters).log_prob(value)


def around(kind):
    """Of TFP's power sphericals, of vectors of any length."""
    return lambda directions, concentration: kind(tf.math.l2_normalize(directions, axis=-1), concentration)


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
    """Grids of 2x2 out of 3 codes; the parameter is the last weight of a network."""
    keras.utils.set_random_seed(0)
    prior = AutoregressivePrior(3, gated_pixel_cnn((2, 2), 3, width=4, blocks=1, dropout=0.0))
    prior.build((None, 2, 2))
    prior.fitted.assign(fitted)
    for weight in prior.network.weights:
        weight.assign(weight + 0.3 * normal(*weight.shape))
    parameters = (prior.network.weights[-1].value,) if fitted else ()
    return Case(lambda *_: prior.distribution(), parameters, event_shape=(2, 2), discrete=True)


def pixels():
    """Images of 2x3 bits, given maps of two features."""
    likelihood = AutoregressiveLikelihood(window=1, features=2, network=local_pixel_cnn(1, 2, 1, 1, width=4, blocks=1))
    likelihood.build((None, 2, 3, 1))
    for weight in likelihood.network.weights:
        weight.assign(normal(*weight.shape))
    return Case(likelihood.distribution, (normal(3, 2, 3, 2),), (2, 3, 1), (3,), discrete=True)


def uniform(grids):
    return tf.fill(grids.shape[:-2], -4 * np.log(3.0))


def rotating(matrix):
    """Along velocities `A z cos t`, of the divergence `tr A cos t`."""

    def velocity(points, times):
        return tf.matmul(points, matrix) * tf.cos(times)[:, None]

    def with_divergence(points, times):
        return velocity(points, times), tf.linalg.trace(matrix) * tf.cos(times)

    return ProbabilityFlow(velocity, with_divergence, 2, steps=4)


def tilted(loc):
    """By the ratio of N(loc, I), so that it is that one."""
    size = tf.reduce_sum(tf.square(loc))
    return ReweightedNormal(lambda z: tf.linalg.matvec(z, loc), 0.5 * size, 2, proposals=512)


def shifted(z, loc):
    return tfd.MultivariateNormalDiag(loc).log_prob(z)


def near(loc):
    """Accepted near `loc`: times the normal that is N(3/4 loc, 1/4)."""
    log_share = 2 * np.log(0.5) - 0.375 * tf.reduce_sum(tf.square(loc))
    return ResampledNormal(lambda z: -1.5 * tf.reduce_sum(tf.square(z - loc), axis=-1), log_share, 2, tries=2)


def accepted_or_not(z, loc):
    share = near(loc).log_normalizer
    accepted = tfd.MultivariateNormalDiag(0.75 * loc, [0.5, 0.5]).log_prob(z)
    return tfp.math.log_add_exp(share + accepted, tf.math.log1p(-tf.exp(share)) + standard().log_prob(z))


def standard():
    return tfd.MultivariateNormalDiag(tf.zeros(2))


def still():
    return ProbabilityFlow(lambda points, times: points, lambda points, times: (points, times), 2, moved=0.0)


VISIBLE, MASK = normal(3, 4), np.arange(12).reshape(3, 4) % 2 == 0


def hidden(z, loc):
    return tf.reduce_sum(tf.where(MASK, 0.0, tfd.Normal(loc, 0.5).log_prob(z)), axis=-1)


CASES = {
    "Normal": Case(draws.Normal, (normal(3, 1), positive(4)), batch_shape=(3, 4), log_prob=of(tfd.Normal)),
    "Laplace": Case(draws.Laplace, (normal(3, 1), positive(4)), batch_shape=(3, 4), log_prob=of(tfd.Laplace)),
    "NormalMixture": Case(NormalMixture, (normal(5, 2), positive(5, 2)), event_shape=(2,), log_prob=mixture),
    "FullNormalMixture": Case(
        FullNormalMixture,
        (normal(5), normal(5, 2, 2)[:, 0], np.tril(0.3 * normal(5, 2, 2)) + np.eye(2, dtype="float32")),
        event_shape=(2,),
        log_prob=full_mixture,
    ),
    "Bernoulli": Case(
        lambda logits: Bernoulli(logits=logits, dtype="float32"),
        (normal(3, 4),),
        batch_shape=(3, 4),
        log_prob=of(tfd.Bernoulli),
        discrete=True,
    ),
    "IndependentBernoulli": Case(
        lambda logits: IndependentBernoulli(Bernoulli(logits=logits, dtype="float32"), 2),
        (normal(3, 4, 2),),
        (4, 2),
        (3,),
        lambda x, logits: tfd.Independent(tfd.Bernoulli(logits), 2).log_prob(x),
        discrete=True,
    ),
    "DiscretizedLogistic": Case(
        lambda loc, scale: DiscretizedLogistic(loc, scale, levels=16),
        (0.5 + 0.2 * normal(3, 4), 0.1 * positive(3, 4)),
        batch_shape=(3, 4),
        log_prob=rounded_logistic,
        discrete=True,
    ),
    "PowerSpherical": Case(
        around(PowerSpherical),
        (normal(3, 4), positive(3)),
        (4,),
        (3,),
        lambda z, *parameters: around(tfd.PowerSpherical)(*parameters).log_prob(z),
    ),
    "CoupledExponential": Case(coupled(0.3), (normal(3, 2), -positive(3, 2)), (2,), (3,)),
    "CoupledExponential without coupling": Case(
        coupled(0.0), (normal(3, 2), -positive(3, 2)), (2,), (3,), uncoupled, up_to_a_constant=True
    ),
    "AutoregressiveCodes": codes(fitted=True),
    "AutoregressiveCodes before a fit": dataclasses.replace(codes(fitted=False), log_prob=uniform),
    "ResampledNormal": Case(near, (normal(2),), (2,), log_prob=accepted_or_not),
    "ReweightedNormal": Case(tilted, (normal(2),), (2,), log_prob=shifted),
    "ProbabilityFlow": Case(rotating, (normal(2, 2),), (2,)),
    "ProbabilityFlow that stands still": dataclasses.replace(
        Case(still, (), (2,)), log_prob=lambda z: standard().log_prob(z)
    ),
    "Autoregressive": pixels(),
    "given_visible": Case(
        lambda loc: given_visible(NormalLikelihood(0.5).distribution(loc), VISIBLE, MASK),
        (normal(3, 4),),
        (4,),
        (3,),
        hidden,
    ),
}


@pytest.mark.parametrize(
    ("case", "check"),
    [
        pytest.param(case, check, id=f"{name}-{check.__name__}")
        for name, case in CASES.items()
        for check in checks(case)
    ],
)
def test_it_is_one_of_tfp_s(case, check):
    check(case)
