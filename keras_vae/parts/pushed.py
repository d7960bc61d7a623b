"""Priors and posteriors that are another one's, pushed through a flow."""

from typing import Any

import keras
import tensorflow_probability as tfp

from keras_vae import checks
from keras_vae.networks import built
from keras_vae.parts.fitting import FittedByGradient
from keras_vae.parts.flows import AutoregressiveFlow, Flow
from keras_vae.parts.part import Part, Posterior, Prior
from keras_vae.parts.posteriors import NormalPosterior
from keras_vae.parts.priors import LatentPrior, StandardNormalPrior

tfd, tfb = tfp.distributions, tfp.bijectors


class _Pushed:
    """What priors and posteriors through a flow share: a base and a flow, which are built and saved with them."""

    def set_parts(self, base: Any, kind: type[Part], flow: Any) -> None:
        """Takes them over.

        Raises:
            TypeError: a base of another kind, or no flow.
            ValueError: they are for other numbers of latents, or the base has no density over all vectors.
        """
        self.base = checks.instance("base", base, kind, f"a {kind.__name__} of keras_vae, or None")
        self.flow = checks.instance("flow", flow, Flow, "an AutoregressiveFlow or a CouplingFlow, or None")
        if base.spherical or not getattr(base, "density", True):
            raise ValueError(f"A flow moves densities over all vectors; {type(base).__name__} has none.")
        sizes = {getattr(part, "latent_size", self.latent_size) for part in (base, flow, self)}
        if len(sizes) > 1:
            raise ValueError(f"The base, the flow and latent_size must agree; got {sorted(sizes)}.")

    def get_config(self):
        parts = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in ("base", "flow")}
        return {**super().get_config(), **parts}

    @classmethod
    def from_config(cls, config):
        parts = {name: keras.saving.deserialize_keras_object(config[name]) for name in ("base", "flow")}
        return cls(**{**config, **parts})


@keras.saving.register_keras_serializable("keras_vae")
class FlowPrior(_Pushed, FittedByGradient, LatentPrior):
    """p(z) of a base's draws pushed through a flow: its density is one pass; a draw takes as many as there are latents,
    through a `CouplingFlow` one. `fit` trains it, unless `trainable` is False; `adapt` fits it to draws of the
    posteriors at once.

    Args:
        latent_size: number of latents.
        base: a prior of `keras_vae.parts`; None: the standard normal.
        flow: an `AutoregressiveFlow` or a `CouplingFlow` without a context; None: the former, of four steps.
    """

    def __init__(
        self,
        latent_size: int,
        base: LatentPrior | None = None,
        flow: Flow | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(latent_size, **kwargs)
        base = StandardNormalPrior(latent_size) if base is None else base
        self.set_parts(base, Prior, AutoregressiveFlow(latent_size) if flow is None else flow)
        if self.flow.context_size:
            raise ValueError("The flow of a prior has nothing to see besides: give one with context_size=0.")

    def build(self, input_shape=None):
        for part in (self.base, self.flow):
            built(part, input_shape)

    def distribution(self, given: Any = None) -> tfd.TransformedDistribution:
        return tfd.TransformedDistribution(self.base.distribution(given), self.flow.bijector())


@keras.saving.register_keras_serializable("keras_vae")
class FlowPosterior(_Pushed, Posterior):
    """q(z|x) of a base's draws pushed through the inverse of a flow (Kingma et al. 2016): a draw is one pass. Its
    density is cheap, and exact, at its own draws; elsewhere it takes as many passes as there are latents, through a
    `CouplingFlow` one. A flow with a context is told of x in every step, by a head of its own on the encoder's
    features.

    Args:
        latent_size: number of latents.
        base: a posterior of `keras_vae.parts`; None: a diagonal normal.
        flow: an `AutoregressiveFlow`, or a `CouplingFlow`; None: the former, of four steps.
    """

    def __init__(
        self,
        latent_size: int,
        base: Posterior | None = None,
        flow: Flow | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.latent_size = checks.whole("latent_size", latent_size)
        base = NormalPosterior(latent_size) if base is None else base
        self.set_parts(base, Posterior, AutoregressiveFlow(latent_size) if flow is None else flow)

    def build(self, input_shape):
        for part, shape in ((self.base, input_shape), (self.flow, None)):
            built(part, shape)
        if self.flow.context_size:
            head = keras.layers.Dense(self.flow.context_size, activation="elu", dtype="float32")
            self.context = keras.Sequential([keras.layers.Flatten("channels_last", dtype="float32"), head])
            self.context.build(input_shape)

    def distribution(self, given: Any = None) -> tfd.TransformedDistribution:
        context = self.context(given) if self.flow.context_size else None
        return tfd.TransformedDistribution(self.base.distribution(given), tfb.Invert(self.flow.bijector(context)))

    def get_config(self):
        return {**super().get_config(), "latent_size": self.latent_size}
