"""Tiny models of the kinds that the seam must carry: latents of several rungs, flows, strings, latents of two kinds.

A linear-Gaussian ladder's posterior can be made exact, and its log p(x) is known; so is that of a linear Markov chain.
"""

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from tiny import networks

import keras_vae
from keras_vae.distributions import Joint
from keras_vae.distributions.own import OwnDistribution
from keras_vae.parts import (
    AutoregressiveFlow,
    CouplingFlow,
    FlowPosterior,
    FlowPrior,
    Likelihood,
    NormalLikelihood,
    Posterior,
    Prior,
)

tfd = tfp.distributions
registered = keras.saving.register_keras_serializable("tests")


def sampled_normal(loc, scale):
    """A normal without a registered KL: rates are `log q(z) - log p(z)` at the draw."""
    return tfd.TransformedDistribution(
        tfd.MultivariateNormalDiag(loc, scale + tf.zeros_like(loc)), tfp.bijectors.Identity()
    )


# --- a ladder of two rungs, upper -> lower -> x, one latent each -----------------------------------------------------

UPPER_TO_LOWER, LOWER_SCALE = 0.8, 0.6
LOADINGS, MEAN, NOISE = np.float32([0.9, -0.5, 1.2]), np.float32([0.3, -1.0, 0.2]), 0.5


@registered
class LadderPrior(Prior):
    def distribution(self, given=None):
        def lower(z):
            return tfd.MultivariateNormalDiag(UPPER_TO_LOWER * z["upper"], tf.fill([1], LOWER_SCALE))

        return Joint({"upper": tfd.MultivariateNormalDiag(tf.zeros(1), tf.ones(1)), "lower": lower})


@registered
class LadderPosterior(Posterior):
    """q(upper|x) and q(lower|upper, x), linear in what they are given, with learned scales."""

    def build(self, input_shape):
        self.upper = keras.layers.Dense(1, dtype="float32")
        self.lower = keras.layers.Dense(1, dtype="float32")
        self.upper.build(input_shape)
        self.lower.build((None, input_shape[-1] + 1))
        self.scales = self.add_weight(shape=(2,), initializer="ones", name="scales")

    def distribution(self, given=None):
        scales, x = tf.unstack(tf.convert_to_tensor(self.scales)), tf.cast(given, "float32")

        def lower(z):
            above = z["upper"]
            both = tf.concat([above, tf.broadcast_to(x, [*tf.unstack(tf.shape(above)[:-1]), x.shape[-1]])], axis=-1)
            return sampled_normal(self.lower(both), scales[1])

        return Joint({"upper": sampled_normal(self.upper(x), scales[0]), "lower": lower})


@registered
class Ladder(keras_vae.VAE):
    term_names = (*keras_vae.VAE.term_names, "rate_upper", "rate_lower")

    def latent_shape(self):
        return {"upper": (1,), "lower": (1,)}

    def decoder_input_shape(self):
        return (1,)

    def likelihood_of(self, z, batch=None):
        return super().likelihood_of(z["lower"], batch)


def ladder(**kwargs):
    encoder = keras.Sequential([keras.Input((3,)), keras.layers.Activation("linear")])
    decoder = keras.Sequential([keras.Input((1,)), keras.layers.Dense(3)])
    parts = {"prior": LadderPrior(), "posterior": LadderPosterior(), "likelihood": NormalLikelihood(NOISE)}
    return Ladder(encoder, decoder, latent_size=1, **parts, **kwargs)


def exact_ladder():
    """The ladder at its exact posterior, and the exact log-density of x, a function."""
    model = ladder(seed=0)
    model.build((None, 3))
    model.decoder.set_weights([LOADINGS[None], MEAN])
    lower_variance = UPPER_TO_LOWER**2 + LOWER_SCALE**2
    covariance = lower_variance * np.outer(LOADINGS, LOADINGS) + NOISE**2 * np.eye(3)
    # q(upper|x), of the joint normal of upper and x
    cross = UPPER_TO_LOWER * LOADINGS
    gain = np.linalg.solve(covariance, cross)
    # q(lower|upper, x), of the joint normal of lower and (x given upper)
    precision = 1 / LOWER_SCALE**2 + LOADINGS @ LOADINGS / NOISE**2
    of_x = LOADINGS / NOISE**2 / precision
    of_upper = UPPER_TO_LOWER / LOWER_SCALE**2 / precision
    model.posterior.upper.set_weights([gain[:, None], np.array([-gain @ MEAN])])
    model.posterior.lower.set_weights([np.concatenate([[of_upper], of_x])[:, None], np.array([-of_x @ MEAN])])
    model.posterior.scales.assign([np.sqrt(1.0 - gain @ cross), precision**-0.5])
    return model, tfd.MultivariateNormalFullCovariance(MEAN.astype("float64"), covariance)


# --- flows -----------------------------------------------------------------------------------------------------------


def flow(latent_size=3):
    return AutoregressiveFlow(latent_size, steps=2, widths=(8,))


def flow_prior(**kwargs):
    return keras_vae.VAE(*networks(), latent_size=3, prior=FlowPrior(3, flow=flow()), **kwargs)


def flow_posterior(**kwargs):
    return keras_vae.VAE(*networks(), latent_size=3, posterior=FlowPosterior(3, flow=flow()), **kwargs)


def coupling(**kwargs):
    """Couplings on both sides: splines in the prior, affine ones that are told of x in the posterior."""
    prior = FlowPrior(3, flow=CouplingFlow(3, 2, (8,), coupling="spline"))
    posterior = FlowPosterior(3, flow=CouplingFlow(3, 2, (8,), context_size=4))
    return keras_vae.VAE(*networks(), latent_size=3, prior=prior, posterior=posterior, **kwargs)


# --- strings over a tiny alphabet ------------------------------------------------------------------------------------

LENGTH, ALPHABET = 3, 3


class CausalStrings(OwnDistribution):
    """`p(x) = prod_i p(x_i | x before i)`, whose logits a causal map makes of one-hot tokens and features."""

    def __init__(self, logits, features):
        self.logits, self.features = logits, features
        super().__init__(tf.int32, {"logits": logits, "features": features})

    def _batch_shape(self):
        return self.features.shape[:-2]

    def _event_shape(self):
        return self.features.shape[-2:-1]

    def _log_prob(self, x):
        x = x + tf.zeros(tf.shape(self.features)[:-1], tf.int32)
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=x, logits=self.logits(x, self.features))
        return -tf.reduce_sum(nats, axis=-1)

    def _mode(self):
        """Token by token the likeliest."""
        x = tf.zeros(tf.shape(self.features)[:-1], tf.int32)
        for place in range(self.features.shape[-2]):
            best = tf.argmax(self.logits(x, self.features)[..., place, :], axis=-1, output_type=tf.int32)
            x = tf.where(tf.range(self.features.shape[-2]) == place, best[..., None], x)
        return x


@registered
class CausalLikelihood(Likelihood):
    support, data_dtype = (0, ALPHABET - 1), "int32"

    def parameters_shape(self, event_shape):
        return (*event_shape, ALPHABET)

    def build(self, input_shape=None):
        self.before = self.add_weight(shape=(ALPHABET, ALPHABET), initializer="random_normal", name="before")

    def distribution(self, given=None, batch_ndims=1):
        def logits(x, features):
            earlier = tf.cumsum(tf.one_hot(x, ALPHABET), axis=-2, exclusive=True)
            return features + tf.tensordot(earlier, tf.convert_to_tensor(self.before), 1)

        return CausalStrings(logits, tf.cast(given, "float32"))


def strings(**kwargs):
    tokens = keras.Input((LENGTH,), dtype="int32")
    x = keras.layers.Flatten()(keras.layers.Embedding(ALPHABET, 4)(tokens))
    encoder = keras.Model(tokens, keras.layers.Dense(8, "relu")(x))
    decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(LENGTH * ALPHABET)])
    decoder.add(keras.layers.Reshape((LENGTH, ALPHABET)))
    return keras_vae.VAE(encoder, decoder, latent_size=2, likelihood=CausalLikelihood(), **kwargs)


# --- latents of two kinds: a content, and a motion that is Markov ----------------------------------------------------

FRAMES, STAY = 3, 0.7


@registered
class ScenePrior(Prior):
    def distribution(self, given=None):
        first = tfd.MultivariateNormalDiag(tf.zeros(1), tf.ones(1))

        def step(_, state):
            return tfd.MultivariateNormalDiag(STAY * state, tf.fill([1], (1 - STAY**2) ** 0.5))

        motion = tfd.MarkovChain(first, step, FRAMES, experimental_use_kahan_sum=False)
        return Joint({"content": tfd.MultivariateNormalDiag(tf.zeros(2), tf.ones(2)), "motion": motion})


@registered
class ScenePosterior(Posterior):
    def build(self, input_shape):
        self.head = keras.layers.Dense(2 * (2 + FRAMES), dtype="float32")
        self.head.build(input_shape)

    def distribution(self, given=None):
        loc, raw = tf.split(self.head(tf.cast(given, "float32")), 2, axis=-1)
        scale = tf.nn.softplus(raw) + 1e-3
        content = tfd.MultivariateNormalDiag(loc[..., :2], scale[..., :2])
        motion = tfd.Independent(tfd.Normal(loc[..., 2:, None], scale[..., 2:, None]), 2)
        return Joint({"content": content, "motion": motion})


@registered
class Scene(keras_vae.VAE):
    term_names = (*keras_vae.VAE.term_names, "rate_content", "rate_motion")

    def latent_shape(self):
        return {"content": (2,), "motion": (FRAMES, 1)}

    def decoder_input_shape(self):
        return (2 + FRAMES,)

    def likelihood_of(self, z, batch=None):
        return super().likelihood_of(tf.concat([z["content"], z["motion"][..., 0]], axis=-1), batch)


def scene(**kwargs):
    encoder = keras.Sequential([keras.Input((FRAMES, 2)), keras.layers.Flatten(), keras.layers.Dense(8, "tanh")])
    decoder = keras.Sequential([keras.Input((2 + FRAMES,)), keras.layers.Dense(2 * FRAMES)])
    decoder.add(keras.layers.Reshape((FRAMES, 2)))
    parts = {"prior": ScenePrior(), "posterior": ScenePosterior(), "likelihood": NormalLikelihood(0.5)}
    return Scene(encoder, decoder, latent_size=2, **parts, **kwargs)
