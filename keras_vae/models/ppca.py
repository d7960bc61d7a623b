"""Probabilistic principal component analysis (Tipping & Bishop 1999): the linear VAE, whose likelihood is known."""

from typing import Any

import keras

from keras_vae.models.inputs import MissingAllowed
from keras_vae.models.vae import VAE
from keras_vae.models.verbs import ExactVerbs
from keras_vae.objectives import FreeEnergy
from keras_vae.parts import HomoscedasticNormalPosterior, NormalLikelihood


@keras.saving.register_keras_serializable("keras_vae")
class PPCA(ExactVerbs, VAE):
    """`x = W z + mean + noise`, with `z ~ N(0, I)` and isotropic normal noise, on vectors `[batch, features]`.

    A VAE with a linear encoder, a linear decoder, a posterior of constant scale and a learned scale of the noise. One
    model, fitted in one of three ways, each of which returns a `keras.callbacks.History` with the free energy:

    - `fit_closed_form(x)`: the maximum of the likelihood, at once. First choice for complete data.
    - `fit_em(x)`: the same maximum by expectation maximisation, with NaN for missing entries.
    - `fit(x)`: stochastic gradients, as for every model here: data sets of any size, callbacks, other values of beta.

    The first two leave the latents along the principal axes, in falling order, and the encoder at the exact posterior,
    so that the free energy is `-log p(x)`. Gradients reach the same likelihood, with the axes in no order: see
    `principal_axes`. Expected values of missing entries: `model.decode(model.exact_posterior(x).mean()).mean()`.

    Formula:
        `x = W z + mean + noise`, with `z ~ N(0, I)` and `noise ~ N(0, scale**2 I)`: `x ~ N(mean, W W' + scale**2 I)`

    When to use:
        First, on vectors: it is exact, fitted at once, takes missing entries, and says what a nonlinear model has to
        beat.

    Example:
        >>> import keras_vae
        >>> x, _ = keras_vae.data.digits("train")
        >>> x = x.reshape(len(x), -1)  # [1500, 64]
        >>> model = keras_vae.PPCA(latent_size=8)
        >>> history = model.fit_closed_form(x)  # or fit_em(x), with NaN for missing entries; or fit(x)
        >>> z = model.embed(x)  # [1500, 8]

    Args:
        latent_size: number of latents, fewer than the features.
        beta: weight of the rate in the objective of `fit`.
        seed: as for every model.
        name: of `keras.Model`.
        objective: None, or an object in place of what `beta` says.
    """

    form = MissingAllowed()

    def __init__(
        self,
        latent_size: int = 2,
        beta: float = 1.0,
        seed: int | None = None,
        name: str | None = None,
        objective: Any = None,
    ) -> None:
        parts = {"likelihood": NormalLikelihood("learned"), "posterior": HomoscedasticNormalPosterior(latent_size)}
        objective = FreeEnergy(beta) if objective is None else objective
        super().__init__(latent_size=latent_size, objective=objective, seed=seed, name=name, **parts)

    def build(self, input_shape):
        _, *event = input_shape
        if len(event) != 1 or event[0] <= self.latent_size:
            raise ValueError(
                f"PPCA takes vectors [batch, features] with more features than its {self.latent_size} latents; got "
                f"[batch, {', '.join(map(str, event))}]. Flatten images, x.reshape(len(x), -1), or take fewer latents."
            )
        self.encoder = keras.Sequential([keras.Input(event), keras.layers.Dense(self.latent_size)], name="encoder")
        self.decoder = keras.Sequential([keras.Input((self.latent_size,)), keras.layers.Dense(*event)], name="decoder")
        super().build(input_shape)
