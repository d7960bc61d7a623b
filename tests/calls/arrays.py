"""What is wrong, and what is right, for data: arrays, what holds them, and what streams."""

import keras
import numpy as np
import pandas as pd
import scipy.sparse
import tensorflow as tf

from calls.values import INFINITE, NAN, Colour, Hostile, Sort, Thing, these

of_slices = tf.data.Dataset.from_tensor_slices


class Batches(keras.utils.PyDataset):
    """Batches of a list."""

    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]


class Endless(Batches):
    """One batch after another, for ever."""

    @property
    def num_batches(self):
        return None


def _floats(value):
    return np.asarray(value).astype("float32")


def _with(value, wrong):
    floats = _floats(value)
    floats.flat[min(3, floats.size - 1)] = wrong
    return floats


def _holding(value):
    """Whatever holds no real numbers."""
    floats = _floats(value)
    flat = floats.reshape(len(floats), -1)
    ragged = tf.ragged.constant([[1.0, 2.0], [3.0]])
    return {
        "None": None,
        "text": "x.npy",
        "bytes": b"abc",
        "an empty dict": {},
        "an object": Thing(),
        "a class": Thing,
        "a class of arrays": np.ndarray,
        "a hostile object": Hostile(),
        "an enum": Colour.RED,
        "an ellipsis": ...,
        "a slice": slice(3),
        "a function": lambda: value,
        "a set": {1.0, 2.0},
        "texts": np.full(floats.shape, "a"),
        "digits": floats.astype("U8"),
        "bytes of text": floats.astype("S8"),
        "a list of texts": ["a", "b"],
        "objects": np.full(floats.shape, Thing(), object),
        "numbers as objects": floats.astype(object),
        "Nones": [None, None],
        "dates": np.full(floats.shape, "2020-01-01", "datetime64[D]"),
        "timedeltas": np.full(floats.shape, 2, "timedelta64[s]"),
        "records": np.zeros(len(floats), [("a", "f4"), ("b", "f4")]),
        "complex": floats.astype("complex64"),
        "a complex tensor": tf.constant(floats, "complex64"),
        "sparse": scipy.sparse.csr_matrix(flat),
        "a sparse array": scipy.sparse.coo_array(flat),
        "a sparse tensor": tf.sparse.from_dense(flat),
        "ragged": ragged,
        "a string tensor": tf.constant(["a", "b"]),
        "a frame of text": pd.DataFrame({"a": ["b"] * len(floats)}),
        "a frame of dates": pd.DataFrame({"a": pd.to_datetime(["2020-01-01"] * len(floats))}),
        "a frame with gaps": pd.DataFrame(flat).convert_dtypes(dtype_backend="numpy_nullable").mask(flat > -1),
        "categories": pd.Series(["a", "b"], dtype="category"),
        "an index of dates": pd.date_range("2020-01-01", periods=3),
        "a dict of a wrong name": {"nonsense": floats},
        "a dict of ragged": {"nonsense": ragged},
        "a number for a key": {3: floats},
        "a layer": keras.layers.Dense(2),
        "a model": keras.Sequential(),
        "a Keras tensor": keras.KerasTensor(floats.shape),
        "an optional": tf.experimental.Optional.from_value(floats),
        "a tensor array": tf.TensorArray("float32", 1),
    }


def _shaped(value):
    """Numbers of other shapes than these have."""
    floats = _floats(value)
    flat = floats.reshape(len(floats), -1)
    return {
        "a number": 3,
        "a fraction": 0.5,
        "True": True,
        "one scalar": np.float32(0.5),
        "a scalar tensor": tf.constant(0.5),
        "an empty list": [],
        "no examples": floats[:0],
        "rows of two lengths": [flat[0].tolist(), flat[1].tolist()[1:] + [0.0] * 2],
        "a list of arrays of two shapes": [floats[0], np.concatenate([floats[1], floats[1]])],
        "more axes": floats[..., None, None],
        "a feature less": floats[..., :-1] if floats.shape[-1] > 1 else floats[:, :-1],
        "a feature more": np.concatenate([floats, floats], axis=-1),
    }


def data(unit: bool = True, streams: bool = False) -> Sort:
    """One array of examples.

    Args:
        unit: whether values must lie in [0, 1].
        streams: whether data sets will do, and so are tried.
    """

    def numbers(value):
        floats = _floats(value)
        masked = np.ma.MaskedArray(floats, np.zeros(floats.shape, bool))
        masked[0] = np.ma.masked
        wrong = {"NaN": _with(value, NAN), "infinite": _with(value, -INFINITE), "masked": masked}
        wrong |= {
            "NaN in half": floats.astype("float16") * np.float16(NAN),
            "x and y": (floats, np.arange(len(floats))),
        }
        if floats.ndim > 2:
            wrong |= {"one example": floats[0], "flat": floats.reshape(len(floats), -1)}
        if unit:
            wrong |= {"0 to 255": np.round(floats * 255), "bytes of 0 to 255": (floats * 255).astype("uint8")}
            wrong |= {"negative": floats - 1.0, "slightly above": floats + 1.01, "huge": floats + 1e30}
        return wrong

    def good(value):
        value = np.asarray(value)
        floats, read_only = value.astype("float32"), value.copy()
        read_only.flags.writeable = False
        fine = {
            "float64": value.astype("float64"),
            "float16": value.astype("float16"),
            "long double": value.astype("longdouble"),
            "big endian": value.astype(">f4"),
            "bfloat16": tf.cast(floats > 0.5, "bfloat16"),
            "booleans": floats > 0.5,
            "a tensor": tf.constant(floats),
            "a variable": tf.Variable(floats),
            "Keras's variable": keras.Variable(floats),
            "a list": floats.tolist(),
            "a list of arrays": list(floats),
            "a list of tensors": list(tf.constant(floats)),
            "a memoryview": memoryview(floats),
            "Fortran order": np.asfortranarray(floats),
            "strided": np.repeat(floats, 2, axis=0)[::2],
            "read-only": read_only,
            "masked nowhere": np.ma.MaskedArray(floats),
        }
        if value.ndim == 2:
            fine |= {"a frame": pd.DataFrame(floats), "a nullable frame": pd.DataFrame(floats).convert_dtypes()}
            fine |= {"a matrix": np.asmatrix(floats)}
            columns = pd.MultiIndex.from_product([["a"], range(floats.shape[1])])
            fine |= {"a frame of two levels": pd.DataFrame(floats, columns=columns)}
        if streams:
            batched = of_slices(floats).batch(8)
            fine |= {"a data set": batched, "prefetched": batched.prefetch(2), "a PyDataset": Batches([floats[:8]])}
        return fine

    return Sort(_holding) | Sort(_shaped) | Sort(numbers, good) | (_streams(unit) if streams else these())


def _streams(unit):
    """Data that stream, of what is wrong one batch after another."""

    def bad(value):
        floats, with_nan = _floats(value), _with(value, NAN)
        wrong = {
            "an empty data set": of_slices(floats[:0]).batch(4),
            "a data set of rows": of_slices(floats),
            "a data set of texts": of_slices(np.full(len(floats), "a")).batch(4),
            "a data set of NaN": of_slices(with_nan).batch(8),
            "a data set of NaN at its end": of_slices(np.concatenate([floats, with_nan])).batch(8),
            "a data set of another shape": of_slices(np.concatenate([floats, floats], axis=-1)).batch(8),
            "a data set of x and y": of_slices((floats, np.arange(len(floats)))).batch(8),
            "a data set of dicts": of_slices({"nonsense": floats}).batch(8).prefetch(1),
            "a data set of data sets": of_slices(floats).window(4),
            "a data set of complex": of_slices(floats.astype("complex64")).batch(8),
            "a ragged data set": of_slices(tf.ragged.constant([[1.0, 2.0], [3.0]])).batch(2),
            "an endless data set": of_slices(floats).batch(8).repeat(),
            "a PyDataset of NaN": Batches([with_nan[:8], with_nan[:8]]),
            "an empty PyDataset": Batches([]),
            "an endless PyDataset": Endless([floats[:8]] * 3),
            "a PyDataset of texts": Batches([np.full((4, 2), "a")]),
            "a PyDataset of None": Batches([None]),
            "an iterator over nothing": iter([]),
            "an iterator over NaN": iter([(with_nan[:8],)]),
            "an iterator over texts": iter(["a"]),
            "an iterator over things": (Thing() for _ in range(3)),
        }
        if unit:
            bytes_ = np.round(floats * 255)
            wrong |= {
                "a data set of 0 to 255": of_slices(bytes_).batch(8),
                "a PyDataset of 0 to 255": Batches([bytes_]),
            }
        return wrong

    return Sort(bad)


# Of models whose networks are still to be chosen: they are made for whatever shape comes first.
ANY_SHAPE = ("more axes", "a feature less", "a feature more", "one example", "flat", "a data set of another shape")


def by_name(sort: Sort, name: str, others: tuple[str, ...] = ()) -> Sort:
    """A dict of data, of which one part goes wrong, or the dict itself."""

    def bad(value):
        wrong = {f"without {key}": {k: v for k, v in value.items() if k != key} for key in others}
        wrong |= {
            "an array": value[name],
            "an empty dict": {},
            "a list of parts": list(value.values()),
            "pairs": list(value.items()),
            "None": None,
            "text": "x",
            "3": 3,
            "an object": Thing(),
            "a frame": pd.DataFrame({name: [1.0, 2.0]}),
            "a key too many": {**value, "nonsense": value[name]},
            "a number for a key": {**value, 3: value[name]},
            "None for a key": {**value, None: value[name]},
            "no examples": {k: v[:0] for k, v in value.items()},
            "a data set of a part": of_slices(_floats(value[name])).batch(8),
        }
        return wrong | ({"fewer examples in one": {**value, name: value[name][:-1]}} if len(value) > 1 else {})

    def streamed(value):
        return {"a data set of dicts": of_slices(value).batch(8), "a PyDataset of dicts": Batches([value])}

    return sort.without("an empty dict").within(name) | Sort(bad, streamed)


def masks(modality: str) -> Sort:
    """Masks of modalities, `{modality: booleans}`."""

    def of_one(value):
        rows = len(value[modality])
        ones = np.ones(rows)
        wrong = {
            "too short": ones[:-1] > 0,
            "of two axes": (ones > 0)[:, None],
            "floats": ones,
            "NaN": ones * NAN,
            "fractions": 0.3 * ones,
            "twos": (2 * ones).astype(int),
            "negative": -ones.astype(int),
            "texts": np.full(rows, "a"),
            "complex": ones.astype(complex),
            "objects": ones.astype(object),
            "timedeltas": np.full(rows, 1, "timedelta64[s]"),
            "a set": {True},
            "None": None,
            "one flag": True,
            "a number": 1,
            "text": "yes",
            "an object": Thing(),
            "a hostile object": Hostile(),
        }
        whole = {"an array": ones > 0, "None": None, "text": "yes", "3": 3, "of another name": {"nonsense": ones > 0}}
        return {f"mask: {label}": {**value, "observed": {modality: mask}} for label, mask in wrong.items()} | {
            f"masks: {label}": {**value, "observed": mask} for label, mask in whole.items()
        }

    def good(value):
        ones = np.ones(len(value[modality]))
        right = {"booleans": ones > 0, "0 and 1": ones.astype("uint8"), "a list": [True] * len(ones)}
        right |= {"a tensor": tf.constant(ones > 0), "a Series": pd.Series(ones > 0)}
        return {f"mask: {label}": {**value, "observed": {modality: mask}} for label, mask in right.items()}

    return Sort(of_one, good)


def latents(codes: int | None = None) -> Sort:
    """Latents, `[..., latent]`; or codes."""

    def bad(value):
        value = np.asarray(value)
        wrong = {
            "a dict": {"z": value},
            "a number": 3.0,
            "a latent more": np.concatenate([value, value], axis=-1),
            "a latent less": value[..., :-1],
            "None within": [[None] * value.shape[-1]],
            "booleans": np.ones(value.shape, bool),
        }
        if codes is None:
            return wrong | {"NaN": np.where(value == value, NAN, value), "infinite": value + INFINITE}
        return wrong | {"too large": value + codes, "negative": value - codes, "fractions": value + 0.5}

    def good(value):
        return {"a list": np.asarray(value).tolist(), "a tensor": tf.constant(value), "more": np.asarray(value)[None]}

    return Sort(bad, good) | Sort(_holding).without("numbers as objects", "a frame of dates", "an index of dates")


def table(*axes: str, whole_numbers: bool = False) -> Sort:
    """Finite numbers as metrics take them, with so many axes."""

    def bad(value):
        value = np.asarray(value)
        floats = value.astype("float64")
        wrong = {
            "NaN": _with(value, NAN),
            "infinite": _with(value, INFINITE),
            "no examples": value[:0],
            "a dict": {"a": value},
            "a data set": of_slices(value),
            "rows of two lengths": [[1.0, 2.0], [3.0]],
            "x and y": (value, "y"),
        }
        wrong |= {"an axis more": value[..., None], "a number": 3, "True": True} if axes else {}
        return wrong | ({"fractions": floats + 0.5, "floats": floats} if whole_numbers else {})

    def good(value):
        value = np.asarray(value)
        fine = {"a list": value.tolist(), "a tensor": tf.constant(value), "a strided array": value[::-1][::-1]}
        return fine | ({"a Series": pd.Series(value)} if value.ndim == 1 else {})

    def holding(value):
        value = np.asarray(value)
        return _holding(value if value.ndim > 1 else value[:, None])

    return Sort(bad, good) | Sort(holding)
