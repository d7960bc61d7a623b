"""The conditional variational autoencoder (Sohn et al. 2015)."""

from typing import Any, ClassVar

import keras

from keras_vae import checks
from keras_vae.distributions import given_visible, shown
from keras_vae.models.inputs import Batch, WithCondition, clear_errors, examples, one_array
from keras_vae.models.vae import VAE
from keras_vae.networks import Network, built, default_encoder
from keras_vae.parts import PRIORS, CategoricalLikelihood, ConditionalNormalPrior


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
        >>> digits = model.sample(condition=np.eye(10, dtype="float32"), seed=0)  # [10, 8, 8, 1]: one of each class

    Args:
        encoder: network `[x, condition]` to features. None: chosen from the data.
        decoder: network `[z, condition]` to likelihood parameters. None: chosen from the data.
        latent_size: number of latents.
        prior: "standard_normal", "laplace", "conditional" (p(z|c), from a network chosen from the data), or an object,
            such as `keras_vae.parts.ConditionalNormalPrior(latent_size, network)`.
        completes: whether the condition is the visible part of x, zeros elsewhere, followed by one more channel with
            ones where it is visible. The likelihood then covers the hidden part only, and samples keep the visible one.
        classes: None, or the number of classes: conditions may then be their numbers, integers `[examples]`.
        **kwargs: further arguments of `VAE`.
    """

    takes_condition = True
    form = WithCondition()
    priors: ClassVar[dict[str, type]] = {**PRIORS, "conditional": ConditionalNormalPrior}
    label_likelihood = CategoricalLikelihood()

    def __init__(
        self,
        encoder: Network = None,
        decoder: Network = None,
        latent_size: int = 16,
        prior: Any = "standard_normal",
        completes: bool = False,
        classes: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, decoder, latent_size, prior=prior, **kwargs)
        self.completes = checks.flag("completes", completes)
        self.classes = checks.whole("classes", classes, least=2, none=True)
        self.form.require_networks(self)

    def build(self, input_shape):
        event, self.condition_shape = tuple(input_shape["x"][1:]), self.form.condition_shape(self, input_shape)
        if self.completes and self.condition_shape != (*event[:-1], event[-1] + 1):
            wanted, got = [*event[:-1], event[-1] + 1], list(self.condition_shape)
            raise ValueError(f"To complete x a condition must hold one more channel, the mask: {wanted}; got {got}.")
        if isinstance(self.prior, ConditionalNormalPrior):
            self.prior.network = self.prior.network or default_encoder(self.condition_shape)
            built(self.prior, (None, *self.condition_shape))
        super().build(input_shape["x"])

    def likelihood_of(self, z, batch=None) -> Any:
        p = super().likelihood_of(z, batch)
        if not self.completes:
            return p
        return given_visible(p, batch.condition[..., :-1], batch.condition[..., -1:] > 0.5)

    def decode(self, z: Any, condition: Any) -> Any:
        """Likelihood p(x|z, c) of latents `[..., batch, latent]` and conditions `[batch, *condition]`."""
        return self.likelihood_of(self.latents(z), self._given(condition))

    def sample(self, samples: int | None = None, *, condition: Any = None, seed: int | None = None) -> Any:
        """What p(x|z, c) shows at draws of z from the prior, its means.

        Args:
            samples: draws for each condition; None: one.
            condition: `[batch, *condition]`, or numbers of classes, `[batch]`.
            seed: the same one gives the same samples; None: others at each call.

        Returns:
            `[samples, batch, *event]`, or `[batch, *event]` where `samples` is None.
        """
        if condition is None:
            raise TypeError("A CVAE samples given a condition, by name: sample(samples, condition=...).")
        samples, seed = checks.whole("samples", samples, none=True), checks.seed(seed)
        batch = self._given(condition)
        checks.held("samples", samples or 1, int(batch.condition.shape[0] or 1) * self.example_bytes())
        seed = self.seed_of(seed)
        prior = self.prior_of(batch)
        shape = [samples or 1, *(() if prior.batch_shape.rank else batch.condition.shape[:1])]
        made = shown(self.likelihood_of(prior.sample(shape, seed=seed), batch))
        return made if samples else made[0]

    def _given(self, condition):
        """A batch of nothing but a checked condition."""
        self.require_built()
        with clear_errors():
            condition = one_array("condition", condition)
            examples(condition)
            condition = self.form.condition(self, condition)
            self.form.check_condition(self, condition)
        return Batch(None, condition=condition)
