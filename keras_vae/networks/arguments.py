"""What makers of networks are given, checked by the names that their arguments have in all of them."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import keras

from keras_vae import checks


def activation(name: str, value: Any) -> Any:
    """An activation as Keras takes it: a name, a function, or None for none.

    Raises:
        TypeError: something else.
        ValueError: an unknown name.
    """
    if value is None or (callable(value) and not isinstance(value, type)):
        return value
    if not isinstance(value, str):
        raise TypeError(f"{name} must be the name of an activation, a function, or None; got {checks.told(value)}.")
    try:
        keras.activations.get(value)
    except ValueError:
        checks.choice(name, value, _activations())
    return value


def _activations():
    every = {name for name in dir(keras.activations) if name[0].islower()}
    return every - {"get", "serialize", "deserialize"}


shape = functools.partial(checks.sizes, fewest=1)
image = functools.partial(checks.sizes, axes=("height", "width", "channels"))
grid = functools.partial(checks.sizes, axes=("rows", "columns"))
CHECKS = {
    **dict.fromkeys(("latent_size", "width", "codes", "first_stride", "last_stride"), checks.whole),
    "blocks": functools.partial(checks.whole, least=0),
    "widths": checks.sizes,
    **dict.fromkeys(("shape", "output_shape", "filters"), shape),
    "condition_shape": functools.partial(shape, none=True),
    **dict.fromkeys(("activation", "output_activation"), activation),
    "dropout": functools.partial(checks.number, least=0.0, most=1.0),
    "grid": checks.flag,
    "name": lambda name, value: value,  # Keras checks its own
}


def checked(**special: Callable) -> Callable:
    """Decorates a maker of networks: each argument goes through the check of its name first.

    Args:
        **special: checks in place of those of `CHECKS`, by argument.
    """

    def decorate(maker):
        signature = inspect.signature(maker)

        @functools.wraps(maker)
        def make(*args, **kwargs):
            given = signature.bind(*args, **kwargs)
            given.apply_defaults()
            for name, value in given.arguments.items():
                given.arguments[name] = {**CHECKS, **special}[name](name, value)
            return maker(*given.args, **given.kwargs)

        return make

    return decorate
