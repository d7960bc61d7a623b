"""The conditional variational autoencoder (Sohn et al. 2015)."""

import keras
import tensorflow as tf

from keras_vae.distributions import PRIORS, ConditionalNormalPrior, given_visible, resolve
from keras_vae.models.inputs import Batch, assert_shape, assert_values, clear_errors
from keras_vae.models.parts import build_part, decode_with, known_shape
from keras_vae.models.vae import VAE
from keras_vae.networks import default_encoder

KEYS = ("x", "condition")


@keras.saving.register_keras_serializable("keras_vae")
class CVAE(VAE):
    """A VAE of p(x|c), of which a condition c is known: its latent becomes `[latent, condition]`.

    Data are dicts `{"x": [examples, *event], "condition": [examples, *condition]}`. The condition is a class label,
    one-hot, or any many-to-one function F(x): then draws of z enumerate the solutions x of F(x) = c.
    `log_likelihood` is that of log p(x|c).

    Formula:
        `E_q(z|x,c)[-log p(x|z,c)] + beta KL(q(z|x,c) || p(z|c)) >= -log p(x|c)`, the bound at beta = 1

    When to use:
        When something of x is known beforehand, a class or a part of it, and what is wanted are its other features, or
        the many x that it allows.

    Example:
        >>> import keras_vae
        >>> import numpy as np
        >>> images, labels = keras_vae.data.digits("train")
        >>> x = {"x": images, "condition": np.eye(10, dtype="float32")[labels]}
        >>> model = keras_vae.CVAE(latent_size=8)
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=3)
        >>> digits = model.sample(np.eye(10, dtype="float32"), seed=0)  # [10, 8, 8, 1]: one of each class

    Args:
        encoder: network `[x, condition]` to features. None: chosen from the data.
        decoder: network `[z, condition]` to likelihood parameters. None: chosen from the data.
        latent_size: number of latents.
        prior: "standard_normal", "laplace", "conditional" (p(z|c), from a network chosen from the data), or an object,
            such as `keras_vae.distributions.ConditionalNormalPrior(latent_size, network)`.
        completes: whether the condition is the visible part of x, zeros elsewhere, followed by one more channel with
            ones where it is visible. The likelihood then covers the hidden part only, and samples keep the visible one.
        **kwargs: `likelihood` of `VAE`; `posterior`, `beta`, `seed` of `LatentVariableModel`; `name` of `keras.Model`.
    """

    takes_dict = takes_condition = True

    def __init__(self, encoder=None, decoder=None, latent_size=16, prior="standard_normal", completes=False, **kwargs):
        prior = resolve(prior, {**PRIORS, "conditional": ConditionalNormalPrior}, "prior", latent_size=latent_size)
        super().__init__(encoder, decoder, latent_size, prior=prior, **kwargs)
        self.completes = completes
        for name, what in (("encoder", "x"), ("decoder", "z")):
            shape = known_shape(getattr(self, name))
            if shape and (len(shape) != 2 or shape[0] is None):
                raise ValueError(f"The {name} of a CVAE must take two inputs, [{what}, condition].")

    def input_shape_known(self):
        shapes = super().input_shape_known()
        return shapes and dict(zip(KEYS, shapes, strict=True))

    def build(self, input_shape):
        event, self.condition_shape = (tuple(input_shape[name][1:]) for name in KEYS)
        if self.completes and self.condition_shape != (*event[:-1], event[-1] + 1):
            raise ValueError(
                f"To complete x of the shape {list(event)}, the condition must hold one more channel, the mask: "
                f"{[*event[:-1], event[-1] + 1]}; got {list(self.condition_shape)}."
            )
        if isinstance(self.prior, ConditionalNormalPrior):
            self.prior.network = self.prior.network or default_encoder(self.condition_shape)
            build_part(self.prior, (None, *self.condition_shape))
        super().build(input_shape["x"])

    def _assert_structure(self, data):
        if not isinstance(data, dict) or set(data) != set(KEYS):
            got = f"the keys {sorted(data)}" if isinstance(data, dict) else type(data).__name__
            raise ValueError(f'A CVAE takes {{"x": ..., "condition": ...}}, arrays of as many examples; got {got}.')

    def to_batch(self, inputs):
        return Batch(super().to_batch(inputs["x"]).x, condition=self._condition(inputs["condition"]))

    def _condition(self, condition):
        condition = tf.cast(condition, "float32")
        assert_shape(condition, self.condition_shape, "condition")
        return condition

    def check(self, batch):
        super().check(batch)
        assert_values(batch.condition, None, "condition")

    def encode(self, inputs):
        batch = self.prepare(inputs)
        return self.posterior.distribution(*self.posterior(self.encoder([batch.x, batch.condition])))

    def decode(self, z, condition):
        """Likelihood p(x|z, c) of latents `[..., batch, latent]` and conditions `[batch, *condition]`."""
        self._require_built()
        condition = self._condition(condition)
        p = decode_with(self.decoder, self.likelihood, tf.convert_to_tensor(z), condition)
        return given_visible(p, condition[..., :-1], condition[..., -1:] > 0.5) if self.completes else p

    def prior_of(self, batch):
        conditional = isinstance(self.prior, ConditionalNormalPrior)
        return self.prior.distribution(batch.condition) if conditional else super().prior_of(batch)

    def likelihood_of(self, z, batch):
        return self.decode(z, batch.condition)

    def sample(self, condition, samples=None, seed=None):
        """Means of p(x|z, c) at draws of z from the prior.

        Args:
            condition: `[batch, *condition]`.
            samples: draws for each condition; None: one.

        Returns:
            `[samples, batch, *event]`, or `[batch, *event]` where `samples` is None.
        """
        self._require_built()
        condition = self._condition(condition)
        with clear_errors():
            assert_values(condition, None, "condition")
        prior = self.prior_of(Batch(None, condition=condition))
        shape = [samples or 1, *(() if prior.batch_shape.rank else condition.shape[:1])]
        made = self.decode(prior.sample(shape, seed=self._seed(seed)), condition).mean()
        return made if samples else made[0]
