"""What Keras's loops are told besides data, checked by the names that it has in all of them."""

import functools
from typing import Any

import keras

from keras_vae import checks


def _verbose(name, value):
    if isinstance(value, str):
        checks.choice(name, value, ["auto"])
    elif not isinstance(value, bool):
        checks.whole(name, value, 0, 2)


def _frequency(name, value):
    for epochs in value if isinstance(value, (list, tuple, set, range)) else [value]:  # numbers of epochs, or each n-th
        checks.whole(name, epochs)


def _callbacks(name, value):
    for part in value if isinstance(value, (list, tuple)) else [value]:
        if value is not None:
            checks.instance("Each of the callbacks", part, keras.callbacks.Callback, "a keras.callbacks.Callback")


COUNT = functools.partial(checks.whole, none=True)
CHECKS = {
    **dict.fromkeys(("batch_size", "validation_batch_size", "steps", "steps_per_epoch", "validation_steps"), COUNT),
    "epochs": checks.whole,
    "validation_freq": _frequency,
    "initial_epoch": functools.partial(checks.whole, least=0),
    "validation_split": functools.partial(checks.number, least=0.0, below=1.0),
    **dict.fromkeys(("shuffle", "return_dict"), checks.flag),
    "verbose": _verbose,
    "callbacks": _callbacks,
}


def check_options(**options: Any) -> None:
    """Refuses what the loops cannot take; what is not named in `CHECKS` is Keras's to check.

    Raises:
        TypeError, ValueError: the message has what is accepted.
    """
    for name in options.keys() & CHECKS.keys():
        CHECKS[name](name, options[name])
