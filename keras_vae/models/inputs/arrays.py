"""Whatever holds numbers to arrays of one dtype: the first step of the way from a user's data to a batch."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from keras_vae import checks

OBSERVED = "observed"  # the key of masks by modality: the one dict within a dict
EMPTY = "The data are empty: there is no example in x."
ACCEPTED = "an array, a dict of arrays, a tf.data.Dataset or a keras.utils.PyDataset of batches"


def standard(data: Any, name: str = "x") -> Any:
    """Data, or a dict of them, as arrays and tensors of numbers, rows first; masks as what tf.distribute can add up.

    Lists, DataFrames and Series become NumPy arrays; tensors and arrays stay as they are.

    Raises:
        TypeError, ValueError: what holds no numbers, has no rows or no one shape; the message says what to do.
    """
    if not isinstance(data, Mapping):
        return one_array(name, data)
    wrong = [key for key in data if not isinstance(key, str)]
    if wrong:
        raise TypeError(f"The parts of {name} are given by name, strings; got the key {checks.told(wrong[0])}.")
    several = {key: key == OBSERVED and isinstance(part, Mapping) for key, part in data.items()}
    return {key: standard(part, key) if several[key] else one_array(key, part) for key, part in data.items()}


def one_array(name: str, data: Any) -> Any:
    """`standard` of what must be one array.

    Raises:
        TypeError, ValueError: a dict; and what `standard` refuses.
    """
    if isinstance(data, Mapping):
        raise TypeError(f"{name} must be one array; got a dict of {sorted(map(str, data))}: one at a time.")
    if data is None or isinstance(data, (str, bytes)):
        raise TypeError(f"{name} must hold numbers, {ACCEPTED}; got {data!r:.40}.")
    if isinstance(data, tf.SparseTensor) or (hasattr(data, "toarray") and hasattr(data, "nnz")):
        raise TypeError(
            f"{name} is sparse ({type(data).__name__}): make it dense, x.toarray() or tf.sparse.to_dense(x), batch by "
            "batch in a tf.data.Dataset where it is large."
        )
    if isinstance(data, tf.RaggedTensor):
        raise ValueError(f"{name} is ragged: all examples must have the same shape. Pad them: x.to_tensor().")
    if isinstance(data, np.ma.MaskedArray):
        if np.ma.getmaskarray(data).any():
            raise ValueError(
                f"{name} has masked entries, which the model would not see. For a modality, give "
                f'"observed": {{{name!r}: mask of rows}} beside it; for PPCA, x.filled(np.nan).'
            )
        data = data.data
    if not tf.is_tensor(data):
        data = _numpy(data, name)
    if data.dtype == np.longdouble:  # which TensorFlow does not know
        data = data.astype("float64")
    if not (data.dtype == bool or np.dtype(_numpy_dtype(data)).kind in "buif"):
        raise TypeError(f"{name} must hold real numbers; got {data.dtype}.")
    if len(data.shape) == 0:
        raise ValueError(f"{name} must have a row an example; got one number.")
    if data.dtype == bool:
        return tf.cast(data, "uint8") if tf.is_tensor(data) else data.astype("uint8")
    return data


def _numpy_dtype(data):
    dtype = data.dtype
    if getattr(dtype, "name", dtype) == "bfloat16":
        return "float32"  # NumPy's kind of it does not say that it is a float
    if isinstance(dtype, tf.DType):
        return dtype.as_numpy_dtype
    return dtype


def _numpy(data, name):
    if hasattr(data, "to_numpy"):  # of pandas and polars
        table, data = data, data.to_numpy()
        if data.dtype == object and hasattr(table, "dtypes"):
            kinds = dict(
                zip(getattr(table, "columns", [""]), np.atleast_1d(np.asarray(table.dtypes, object)), strict=False)
            )
            bad = [column for column, kind in kinds.items() if getattr(kind, "kind", "O") not in "buif"]
            if bad:
                where = f"its columns {bad} hold" if hasattr(table, "columns") else "it holds"
                raise TypeError(f"{name} must hold numbers; {where} {data.dtype}. Encode or drop them.")
            data = table.to_numpy(dtype="float64", na_value=np.nan)  # of pandas' nullable types
        return data
    if isinstance(data, (list, tuple)) and any(hasattr(part, "shape") and len(part.shape) for part in data):
        shapes = {tuple(np.shape(part)) for part in data}
        if len(shapes) > 1:
            raise ValueError(
                f"{name} is a {type(data).__name__} of arrays of several shapes, {sorted(map(list, shapes))[:3]}; all "
                "examples must have the same shape. Modalities go into a dict."
            )
    if isinstance(data, (set, frozenset)) or callable(data):
        raise TypeError(f"{name} must be {ACCEPTED}; got {type(data).__name__}.")
    try:
        made = np.asarray(data)
    except ValueError:
        raise ValueError(f"{name} must be numbers of one shape an example; its rows differ in length.") from None
    except Exception:  # of another library, which says no in its own way
        raise TypeError(f"{name} must hold numbers, {ACCEPTED}; got {checks.told(data)}.") from None
    if made.dtype.kind not in "buif" and made.dtype.name != "bfloat16":
        kind = {"U": "text", "S": "text", "O": "objects", "c": "complex numbers"}.get(made.dtype.kind, made.dtype)
        raise TypeError(f"{name} must hold real numbers; got {type(data).__name__} of {kind}.")
    return made


def examples(data: Any) -> int:
    """Number of examples of arrays.

    Raises:
        ValueError: none, or not as many in all of them.
    """
    sizes = {int(part.shape[0]) for part in tf.nest.flatten(data)}
    if len(sizes) != 1 or 0 in sizes:
        if sizes == {0}:
            raise ValueError(EMPTY)
        raise ValueError(
            f"All parts of the data must have the same number of examples, at least one; got {sorted(sizes)}."
        )
    return sizes.pop()


def slices(data: Any, batch_size: int) -> Any:
    """Rows of an array or a dict of arrays, `batch_size` at a time."""
    if not tf.nest.flatten(data):
        yield data  # an empty dict: the form says what is missing
        return
    for start in range(0, examples(data), batch_size):
        yield tf.nest.map_structure(lambda part, start=start: part[start : start + batch_size], data)
