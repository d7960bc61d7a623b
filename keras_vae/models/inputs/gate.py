"""The gate: all ways of a user's data into a model, each to checked batches of one form."""

import itertools
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf
from keras import tree

from keras_vae import checks
from keras_vae.models.inputs.arrays import ACCEPTED, EMPTY, examples, slices, standard
from keras_vae.models.inputs.batch import Batch
from keras_vae.models.inputs.forms import OneArray
from keras_vae.models.inputs.streams import CheckedSequence, refuse_odd_elements
from keras_vae.models.inputs.values import clear_errors


class Inputs:
    """A model's way from data to batches: `accept` for Keras's loops, `batches` for the verbs, `prepare` for both."""

    # What data look like.
    form: Any = OneArray()

    def prepare(self, inputs: Any, training: bool = False) -> Batch:
        """A user's batch, or a `Batch`, to a `Batch`. Values are checked here when eager; Keras's loops check before.

        Raises:
            TypeError, ValueError: another form, shape, or values that the likelihood cannot take.
        """
        if isinstance(inputs, Batch):
            return inputs._replace(training=training)
        inputs = standard(inputs)
        self.form.require(self, inputs)
        if tf.executing_eagerly() and tree.flatten(inputs):
            examples(inputs)
        self.require_built()
        with clear_errors():
            batch = self.form.to_batch(self, inputs)
            if tf.executing_eagerly():
                self.form.check(self, batch)
        return batch._replace(training=training)

    def batches(self, x: Any, batch_size: int | None = None) -> Iterator[Batch]:
        """Data as one checked `Batch` after another: arrays by at most `batch_size` examples (None: all at once), data
        sets as they are batched."""
        checks.whole("batch_size", batch_size, none=True)
        if isinstance(x, Batch):
            raise TypeError("This verb takes data, not a prepared batch.")
        for part in self._parts(x, batch_size):
            yield self.prepare(part)

    def _parts(self, x, batch_size):
        if isinstance(x, tf.data.Dataset):
            if endless(x):
                raise ValueError("The data set repeats without end: take(n) as many batches as are wanted.")
            found = (standard(unpack(element)) for element in x)
        elif isinstance(x, keras.utils.PyDataset):
            if endless(x):
                raise ValueError("The PyDataset has no end: give one whose length is known, or arrays.")
            found = (standard(unpack(x[index])) for index in range(x.num_batches))
        elif isinstance(x, Iterator):
            raise TypeError("A generator can be read once alone: give an array, a tf.data.Dataset or a PyDataset.")
        else:
            x = standard(unpack(x))
            self.form.require(self, x)
            found = slices(x, batch_size or 2**62)
        first = next(found, None)
        if first is None:
            raise ValueError(EMPTY)
        yield from itertools.chain([first], found)

    def accept(self, data: Any, **steps: Any) -> Any:
        """Data as Keras's loops take them, each batch checked, and a built model.

        Args:
            **steps: how many batches are wanted, under the loop's name for it; None: all.

        Raises:
            TypeError, ValueError: data that the model cannot take, or without an end where all of them are wanted.
        """
        data = unpack(data)
        if endless(data) and None in steps.values():
            raise ValueError(
                f"The data have no end: say how many batches to take, {next(iter(steps))}=, or take(n) of a data set."
            )
        if isinstance(data, tf.data.Dataset):
            return self._accept_dataset(data)
        if isinstance(data, keras.utils.PyDataset):
            if data.num_batches == 0:
                raise ValueError(EMPTY)
            self.build_for(standard(unpack(data[0])))
            return CheckedSequence(data, self.checked)
        if isinstance(data, Iterator):
            first = next(data, None)
            if first is None:
                raise ValueError(EMPTY)
            self.build_for(standard(unpack(first)))
            return ((self.checked(element),) for element in itertools.chain([first], data))
        if isinstance(data, tf.distribute.DistributedDataset):
            return data
        if hasattr(data, "__iter__") and not isinstance(data, (list, dict, str)) and not _holds_numbers(data):
            raise TypeError(f"x must be {ACCEPTED}; got {type(data).__name__}.")
        return self._accept_arrays(data)

    def _accept_arrays(self, data):
        data = standard(data)
        self.form.require(self, data)
        if not self.built and not self.form.known_shapes(self):
            for part in slices(data, 4096):  # before networks are chosen: those of bad data could not be undone
                self.form.check_before(self, part)
        self.build_for(data)
        for part in slices(data, 4096):
            self.prepare(part)
        return data

    def checked(self, element: Any) -> Any:
        """A batch as Keras hands it to the model, checked."""
        data = standard(unpack(element))
        self.prepare(data)
        return data

    def _accept_dataset(self, dataset):
        if int(dataset.cardinality()) == 0:
            raise ValueError(EMPTY)
        spec = unpack(dataset.element_spec)
        refuse_odd_elements(spec)
        self.build_for(spec)

        @tf.autograph.experimental.do_not_convert  # or our errors come wrapped in its own
        def check(*element):
            data = standard(unpack(element))
            self.form.check(self, self.form.to_batch(self, data))
            return data

        return dataset.map(check, num_parallel_calls=tf.data.AUTOTUNE)

    def build_for(self, data: Any) -> None:
        """Builds the model, for the shapes its networks declare or else for those of the data."""
        self.form.require(self, data)
        with self._alone:
            if not self.built:
                self._build_for(data)

    def _build_for(self, data):
        shape = self.form.known_shapes(self) or tree.map_structure(lambda part: tuple(part.shape), data)
        for side in tree.flatten(tree.map_shape_structure(lambda part: part[1:], shape)):
            if side is None:
                raise ValueError(
                    f"The sides of the data are unknown, {shape}, so no networks can be chosen: resize the images and "
                    "say so, tf.ensure_shape(x, [None, 64, 64, 3]), or build the model: model.build((None, 64, 64, 3))."
                )
        with self.distribute_strategy.scope():
            self.build(shape)

    def build_for_first(self, x: Any) -> None:
        """Builds the model for the first batch of data."""
        if not self.built:
            self.build_for(next(self._parts(x, 1)))

    def require_built(self) -> None:
        """Builds the model where its networks declare their shapes.

        Raises:
            ValueError: they are still to be chosen from data.
        """
        with self._alone:  # not before another thread's building is done
            if not self.built and self.form.known_shapes(self):
                with self.distribute_strategy.scope():
                    self.build(self.form.known_shapes(self))
        if not self.built:
            raise ValueError(
                f"This {type(self).__name__} has no networks yet: they are chosen from the shape of the data. "
                "Fit it first, give an encoder and a decoder, or build it: model.build((None, 28, 28, 1))."
            )


def endless(data: Any) -> bool:
    """Whether data that stream are known to have no end."""
    if isinstance(data, tf.data.Dataset):
        return int(data.cardinality()) == tf.data.INFINITE_CARDINALITY
    return isinstance(data, keras.utils.PyDataset) and data.num_batches is None


def unpack(x: Any) -> Any:
    """The x of `x` or `(x,)`.

    Raises:
        ValueError: `(x, y)`.
    """
    if isinstance(x, tuple):
        refuse_unused(**dict(zip(("y", "sample_weight"), x[1:], strict=False)))
        return x[0]
    return x


def refuse_unused(**arguments: Any) -> None:
    """`y` and the like would be ignored in silence: latent-variable models explain x alone."""
    for name, value in arguments.items():
        if value is not None:
            raise ValueError(
                f"`{name}` is not used: a latent-variable model explains x alone. Leave it out, fit(x) or dataset.map("
                'lambda x, y: x); labels as a condition of a CVAE go into x: fit({"x": x, "condition": labels}).'
            )


def _holds_numbers(data):
    return hasattr(data, "shape") or hasattr(data, "to_numpy") or hasattr(data, "__array__") or hasattr(data, "nnz")
