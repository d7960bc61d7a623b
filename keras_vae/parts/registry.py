"""Strings for the common choices, as in Keras's own arguments: `prior="standard_normal"`."""

import inspect
from typing import Any

from keras_vae import checks
from keras_vae.parts.part import Part


def resolve(identifier: Any, choices: dict[str, type], kind: type[Part], what: str, **arguments: Any) -> Any:
    """Makes `choices[identifier](**arguments)` of a string; returns an object of the right kind as it is.

    Args:
        identifier: a name, or an object.
        choices: classes by name.
        kind: the class of which objects must be.
        what: what to call it in messages.
        **arguments: for the constructor where a name is given, those of them that it names.

    Raises:
        ValueError: the string is not among the choices.
        TypeError: neither a string nor such an object.
    """
    if isinstance(identifier, str):
        chosen = choices[checks.choice(what, identifier, choices)]
        named = inspect.signature(chosen).parameters
        return chosen(**{name: value for name, value in arguments.items() if name in named})
    return checks.instance(
        f"The {what}", identifier, kind, f"one of {sorted(choices)} or a {kind.__name__} of keras_vae"
    )
