"""The one backend of this package is TensorFlow; say so before anything is built on another one."""

import json
import os
import pathlib
import sys


def _configured_backend():
    """Name of the backend that Keras runs on, or will run on once it is imported."""
    if "keras" in sys.modules:
        return sys.modules["keras"].config.backend()
    if "KERAS_BACKEND" in os.environ:
        return os.environ["KERAS_BACKEND"]
    home = pathlib.Path(os.environ.get("KERAS_HOME", pathlib.Path.home() / ".keras"))
    try:
        return json.loads((home / "keras.json").read_text())["backend"]
    except (OSError, ValueError, KeyError):
        return "tensorflow"


def require_tensorflow():
    """Raises ImportError when Keras is set to another backend than TensorFlow; ends the command in one line."""
    backend = _configured_backend()
    if backend != "tensorflow":
        message = (
            f"keras_vae needs Keras on the TensorFlow backend, but Keras is set to {backend!r}. "
            "Set the environment variable KERAS_BACKEND=tensorflow before Python starts."
        )
        if pathlib.PurePath(sys.argv[0] if sys.argv else "").stem == "keras-vae":
            sys.exit(f"keras-vae: {message}")  # its `main`, which catches errors, is not imported yet
        raise ImportError(message)
