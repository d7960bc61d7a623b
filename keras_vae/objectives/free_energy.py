"""The variational free energy (Kingma & Welling 2014), its rate weighted or held at a capacity."""

from typing import Any

import keras
import tensorflow as tf
from keras import tree

from keras_vae import checks
from keras_vae.objectives.objective import Inference, Objective, named, named_rates


@keras.saving.register_keras_serializable("keras_vae")
class FreeEnergy(Objective):
    """`distortion + beta * rate`, nats per example: at beta = 1 the variational free energy, a bound on `-log p(x)`;
    with another weight the beta-VAE's objective (Higgins et al. 2017, equation 4).

    Args:
        beta: weight of the rate. A variable.
        samples: draws of each posterior, over which terms are averaged.
    """

    def __init__(self, beta: float = 1.0, samples: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.weigh(beta=beta)
        self.samples = checks.whole("samples", samples)

    def terms(self, model, batch) -> Any:
        inference = self.inference_of(model, batch)
        z, rates = model.draw(inference, batch, self.samples)
        distortions, output = model.explain(z, batch, inference)
        if self.samples > 1:
            output = tree.map_structure(lambda part: part[0], output)
            rates, distortions = tree.map_structure(lambda part: tf.reduce_mean(part, axis=0), (rates, distortions))
        counted = {name: inference.total(value, inference.counted) for name, value in distortions.items()}
        measured = {name: inference.total(value, inference.measured) for name, value in distortions.items()}
        terms, losses = named(measured), {}
        if tree.flatten(rates):  # a point has none
            terms |= named_rates(tree.map_structure(lambda part: inference.total(part, inference.measured), rates))
            counted_rates = tree.map_structure(lambda part: inference.total(part, inference.counted), rates)
            losses["rate"] = self.weighted(counted_rates)
        for name, value in counted.items():
            losses[f"distortion_{name}".rstrip("_")] = model.distortion_weights.get(name, 1.0) * value
        added_terms, added_losses = self.added(model, inference.q, z, batch)
        return terms | added_terms, losses | added_losses, inference.one(output)

    def inference_of(self, model: Any, batch: Any) -> Inference:
        """How the latents are inferred: as the model does it."""
        return model.inference_of(batch)

    def weighted(self, rates: Any) -> tf.Tensor:
        """The rate's part of what is minimised, of the rates, nats, `[batch]`, or a dict of them."""
        return self.beta * tf.add_n(tree.flatten(rates))

    def added(self, model: Any, q: Any, z: Any, batch: Any) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
        """What a subclass adds of the latents: `(terms, losses)`, `{name: [batch]}` each.

        Args:
            q: the posterior.
            z: a draw of it, `[batch, latent]`.
        """
        return {}, {}

    def get_config(self):
        return {**super().get_config(), "samples": self.samples}


class OneDraw(FreeEnergy):
    """The free energy of one draw an example, with what a subclass adds of a batch's draws."""

    one_view = True

    def __init__(self, beta: float = 1.0, **kwargs: Any) -> None:
        super().__init__(beta, **kwargs)

    def get_config(self):
        config = super().get_config()
        config.pop("samples")
        return config


@keras.saving.register_keras_serializable("keras_vae")
class Capacity(FreeEnergy):
    """`distortion + beta * |rate - capacity|`: a rate of so many nats is asked for instead of the smallest (Burgess et
    al. 2018, equation 8). With beta about 100 the rate follows it closely.

    Args:
        capacity: nats per example; of the sum over subsets in models that have several. A variable, that
            `keras_vae.callbacks.Capacity` raises over training.
        beta: weight of the distance.
        samples: as in `FreeEnergy`.
    """

    weights_named = ("beta", "capacity")

    def __init__(self, capacity: float = 0.0, beta: float = 100.0, samples: int = 1, **kwargs: Any) -> None:
        super().__init__(beta, samples, **kwargs)
        self.weigh(capacity=capacity)

    def asks_for_rate(self) -> bool:
        return super().asks_for_rate() and float(self.capacity) > 0.1  # it often starts at none

    def weighted(self, rates) -> tf.Tensor:
        return self.beta * tf.abs(tf.reduce_mean(tf.add_n(tree.flatten(rates))) - self.capacity)


@keras.saving.register_keras_serializable("keras_vae")
class FreeBits(FreeEnergy):
    """`distortion + beta * sum_l max(nats, mean of rate_l)`: each part of the latents, a rung of a ladder say, may have
    so many nats for nothing, and is not pressed below (Kingma et al. 2016, appendix C.8). Latents that are one vector
    are one part: they share the nats, and some may go unused. What is measured has none.

    Args:
        nats: of each part, of a batch's mean. A variable.
        beta: weight of what is counted.
        samples: as in `FreeEnergy`.
    """

    weights_named = ("beta", "nats")

    def __init__(self, nats: float = 0.5, beta: float = 1.0, samples: int = 1, **kwargs: Any) -> None:
        super().__init__(beta, samples, **kwargs)
        self.weigh(nats=nats)

    def weighted(self, rates) -> tf.Tensor:
        means = [tf.reduce_mean(rate) for rate in tree.flatten(rates)]
        return self.beta * tf.add_n([tf.maximum(mean, self.nats) for mean in means])
