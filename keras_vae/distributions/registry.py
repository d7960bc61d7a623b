"""Strings for the common choices, as in Keras's own arguments: `prior="standard_normal"`."""


def resolve(identifier, choices, what, **arguments):
    """Makes `choices[identifier](**arguments)` of a string; returns an object of one of these classes as it is.

    Raises:
        ValueError: the string is not among the choices.
        TypeError: neither a string nor an object of a fitting class.
    """
    if isinstance(identifier, str):
        if identifier not in choices:
            raise ValueError(f"Unknown {what} {identifier!r}. Choose from {sorted(choices)}, or pass an object.")
        return choices[identifier](**arguments)
    if not hasattr(identifier, "distribution"):
        raise TypeError(
            f"The {what} must be one of {sorted(choices)} or an object with a `distribution` method, "
            f"such as those in keras_vae.distributions; got {type(identifier).__name__}."
        )
    return identifier
