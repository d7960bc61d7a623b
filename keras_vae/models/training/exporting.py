"""Models as others serve them: what is exported of a model is `predict`, which draws nothing."""

import os
from typing import Any

import keras
import tensorflow as tf

from keras_vae import checks


class Exported(keras.Model):
    """The reconstructions of a model, as a model that any of Keras's formats takes."""

    def __init__(self, model: Any) -> None:
        super().__init__(dtype="float32", name=f"exported_{model.name}")
        self.model = model
        self.built = True

    def call(self, inputs):
        made = self.model.reconstruction(self.model.prepare(inputs))
        return dict(made) if isinstance(made, dict) else made


class Exports:
    """How a model is exported."""

    def export(
        self,
        filepath: Any,
        format: str = "tf_saved_model",
        verbose: Any = None,
        input_signature: Any = None,
        **kwargs: Any,
    ) -> None:
        """As `keras.Model.export`: the function `serve` of what is exported gives what `predict` gives.

        Args:
            input_signature: None: one batch of any size, of all modalities or with a condition where there are such.

        Raises:
            TypeError: no path.
            ValueError: the model has no networks yet; an unknown format.
        """
        checks.instance("filepath", filepath, (str, os.PathLike), "the path of a folder or a file")
        if verbose is not None:
            checks.flag("verbose", verbose)
        if input_signature is None:
            input_signature = self._signature()
        Exported(self).export(filepath, format, verbose, input_signature=input_signature, **kwargs)

    @property
    def _default_save_signature(self):
        # What `tf.saved_model.save` serves
        return tf.function(Exported(self).call, input_signature=self._signature(), autograph=False)

    def _signature(self):
        """The specification of a batch, in a list."""
        self.require_built()
        (shape,) = self.get_build_config().values()
        if isinstance(shape, dict):
            return [{name: tf.TensorSpec([None, *part[1:]], "float32", name) for name, part in shape.items()}]
        return [tf.TensorSpec([None, *shape[1:]], "float32")]
