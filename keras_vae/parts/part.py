"""What every part is: a Keras layer that makes a distribution."""

from typing import Any

import keras


class Part(keras.layers.Layer):
    """A layer that makes a TFP distribution of what it is given, in float32 whatever the policy.

    Layers hand over tensors, never distributions: `distribution` is called, not the layer. It makes the distribution
    anew at each call, so that gradients reach the weights.
    """

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)

    def build(self, input_shape=None):
        pass  # parts without weights; Keras wants the argument

    def distribution(self, given: Any = None) -> Any:
        """The distribution.

        Args:
            given: what it depends on: features, a condition or parameters; None where it depends on nothing.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `distribution`.")


class Prior(Part):
    """p(z), or p(z|c) where a condition is given: `distribution(condition)`."""

    spherical = False  # whether latents are unit vectors


class Posterior(Part):
    """q(z|x) of an encoder's features: `distribution(features)`.

    Attributes:
        density: whether it has one, or probabilities of codes: a rate, a free energy and a likelihood ask for it.
        spherical: whether latents are unit vectors.
    """

    density, spherical = True, False
