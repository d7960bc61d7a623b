"""Data that come batch by batch."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import tree


def refuse_odd_elements(spec: Any) -> None:
    """Elements of a data set that are sparse, ragged, of unknown rank, or no batches."""
    for part in tree.flatten(spec):
        if isinstance(part, (tf.SparseTensorSpec, tf.RaggedTensorSpec)):
            sparse = isinstance(part, tf.SparseTensorSpec)
            mend = "make it dense, dataset.map(tf.sparse.to_dense)" if sparse else "pad to one shape: x.to_tensor()"
            raise TypeError(f"The data set's elements are {'sparse' if sparse else 'ragged'}: {mend}.")
        if not isinstance(part, tf.TensorSpec):
            raise TypeError(f"The data set's elements must be tensors, or dicts of them; got {type(part).__name__}.")
        if part.shape.rank is None:
            raise ValueError("The rank of the data set's elements is unknown: dataset.map(...) with tf.ensure_shape.")
        image = part.shape.rank == 3 and part.shape[-1] in (1, 3) and part.shape[0] == part.shape[1]
        if part.shape.rank == 0 or (image and part.shape[0] is not None and not isinstance(spec, dict)):
            raise ValueError(
                f"The data set's elements have the shape {list(part.shape)}, of one example: call dataset.batch(n)."
            )


class CheckedSequence(keras.utils.PyDataset):
    """A PyDataset whose batches are checked as arrays are."""

    def __init__(self, data, checked):
        # In threads: another process would need a model of its own to check by.
        super().__init__(workers=data.workers, use_multiprocessing=False, max_queue_size=data.max_queue_size)
        self.data, self.checked = data, checked

    @property
    def num_batches(self) -> Any:
        return self.data.num_batches

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        return (tree.map_structure(np.asarray, self.checked(self.data[index])),)

    def on_epoch_begin(self):
        self.data.on_epoch_begin()

    def on_epoch_end(self):
        self.data.on_epoch_end()
