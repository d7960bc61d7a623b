"""What every objective is: a part that makes of a model's distributions what is minimised."""

from typing import Any, NamedTuple

import keras
import tensorflow as tf
from keras import tree

from keras_vae import checks


class Inference(NamedTuple):
    """How the latents of a batch are inferred in a step of training.

    Several posteriors may explain a batch, one a view: those of subsets of the modalities, or a mixture's components.

    Attributes:
        q: what latents are drawn from, a distribution with batch shape `[batch]`, or `[views, batch]`.
        density: what scores the draws in place of q: the mixture, where views are its components; else None.
        counted: how much each view counts in the objective, `[views, batch]`; None where there is one view.
        measured: the same in what is measured.
        shown: which view's decoding is the model's output, int32 `[batch]`; None: the first.
        subsets: None, or which modalities each view has seen, boolean `[views, modalities]`.
    """

    q: Any
    density: Any = None
    counted: tf.Tensor | None = None
    measured: tf.Tensor | None = None
    shown: tf.Tensor | None = None
    subsets: tf.Tensor | None = None

    @staticmethod
    def total(values: tf.Tensor, weights: tf.Tensor | None) -> tf.Tensor:
        """Weighted sum over the views, `[..., views, batch]` to `[..., batch]`; views of weight 0 may hold anything."""
        if weights is None:
            return values
        return tf.reduce_sum(tf.where(weights > 0, weights * values, 0.0), axis=-2)

    def spread(self, values: tf.Tensor, rows: list[int]) -> tf.Tensor:
        """Values of some of the views, `[..., rows, batch]`, with zeros for the others, `[..., views, batch]`."""
        none = tf.zeros_like(values[..., 0, :])
        each = [values[..., rows.index(row), :] if row in rows else none for row in range(self.counted.shape[0])]
        return tf.stack(each, axis=-2)

    def one(self, output: Any) -> Any:
        """Of outputs `[views, batch, ...]` those of one view, `[batch, ...]`."""
        if self.counted is None:
            return output
        if self.shown is None:
            return tree.map_structure(lambda part: part[0], output)
        chosen = tf.stack([self.shown, tf.range(tf.shape(self.shown)[0])], axis=1)
        return tree.map_structure(lambda part: tf.gather_nd(part, chosen), output)


class Objective(keras.layers.Layer):
    """What a model minimises. A subclass defines `terms`.

    An objective knows a model by what it gives: `inference_of(batch)`, `draw(inference, batch, samples)`,
    `prior_of(batch)`, `explain(z, batch, inference)` and `distortion_weights`.

    Attributes:
        weights_named: its weights, variables that never are part of what is measured; the first is the one that
            archives from before objectives were parts hold among the model's own variables.
        term_names: what it measures besides the model's own terms.
        one_view: whether it takes one posterior of vectors of independent latents alone.
        densities: whether the posterior may have a density, and whether it may be a point.
        needs: methods that a model must have besides.
    """

    weights_named: tuple[str, ...] = ("beta",)
    term_names: tuple[str, ...] = ()
    one_view = False
    densities: tuple[bool, ...] = (True,)
    needs: tuple[str, ...] = ()

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)

    def weigh(self, least: float = 0.0, **weights: float) -> None:
        """Makes variables of weights, finite and at least `least`."""
        for name, value in weights.items():
            value = checks.number(name, value, least)
            setattr(self, name, keras.Variable(value, trainable=False, dtype="float32", name=name))

    def build(self, input_shape=None):
        pass  # objectives without weights; `input_shape` is that of the latents

    def terms(self, model: Any, batch: Any) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor], Any]:
        """`(terms, losses, output)`, as `LatentVariableModel.terms` returns them."""
        raise NotImplementedError(f"{type(self).__name__} must define `terms`.")

    def asks_for_rate(self) -> bool:
        """Whether a rate near zero, nats, says that the latents have gone unused: not where nothing weighs it."""
        return hasattr(self, "beta") and float(self.beta.numpy()) > 0.0

    def load_own_variables(self, store):
        # Archives from before objectives were parts hold none of its variables: the model gives it those that it finds
        if len(store.keys()):
            super().load_own_variables(store)

    def get_config(self):
        return {**super().get_config(), **{name: float(getattr(self, name).numpy()) for name in self.weights_named}}


def named(distortions: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Distortions by modality as terms, and their sum: `distortion_svhn`, ..., `distortion`; of one kind of data that
    alone, under the name ""."""
    parts = {f"distortion_{name}".rstrip("_"): value for name, value in distortions.items()}
    return parts if "distortion" in parts else {**parts, "distortion": tf.add_n(list(parts.values()))}


def named_rates(rates: Any) -> dict[str, tf.Tensor]:
    """Rates as terms: `rate`, and of a dict of the parts' `rate_z1`, ..., whose sum it is."""
    parts = {f"rate_{name}": value for name, value in rates.items()} if isinstance(rates, dict) else {}
    return {"rate": tf.add_n(tree.flatten(rates)), **parts}
