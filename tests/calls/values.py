"""What is wrong, and what is right, for each sort of argument: values by a label that says what they are."""

import dataclasses
import datetime
import decimal
import enum
import fractions
import pathlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
import tensorflow_probability as tfp

NAN, INFINITE = float("nan"), float("inf")


class Thing:
    """Of no use to anyone."""


class Hostile:
    """Of another library, and broken: whatever is asked of it fails."""

    def __array__(self, *args, **kwargs):
        raise RuntimeError("This array was deleted.")

    def __repr__(self):
        raise RuntimeError("This array was deleted.")


class Colour(enum.Enum):
    """Neither a number nor a name."""

    RED = 1


@dataclasses.dataclass(frozen=True)
class Sort:
    """A sort of argument.

    Attributes:
        bad: values to be refused, `{label: value}`, of a good value.
        good: values besides that one that must do, of the same.
    """

    bad: Callable[[Any], dict[str, Any]]
    good: Callable[[Any], dict[str, Any]] = lambda value: {}

    def __or__(self, other: "Sort") -> "Sort":
        """The sort with the values of both."""
        return Sort(
            lambda value: self.bad(value) | other.bad(value), lambda value: self.good(value) | other.good(value)
        )

    def without(self, *words: str) -> "Sort":
        """The sort of arguments that take after all what has one of these labels, within a dict as well."""

        def left(value):
            return {label: wrong for label, wrong in self.bad(value).items() if label.split(": ")[-1] not in words}

        return Sort(left, self.good)

    def of(self, example: Any) -> "Sort":
        """The sort whose bad values are made of an example, whatever the argument's own value is."""
        return Sort(lambda value: self.bad(example))

    def within(self, key: str) -> "Sort":
        """The sort of dicts of which the value at `key` is of this one."""

        def placed(values):
            return lambda value: {f"{key}: {label}": {**(value or {}), key: part} for label, part in values.items()}

        return Sort(
            lambda value: placed(self.bad((value or {}).get(key)))(value),
            lambda value: placed(self.good((value or {}).get(key)))(value),
        )


def these(*plain: Any, **labelled: Any) -> Sort:
    """The sort whose bad values are these; labels have underscores for spaces."""
    named = {f"{type(value).__name__} {value!r:.40}": value for value in plain}
    return Sort(lambda value: {**named, **{label.replace("_", " "): wrong for label, wrong in labelled.items()}})


def accepted(**labelled: Any) -> Sort:
    """The sort for which these do besides."""
    return Sort(lambda value: {}, lambda value: {k.replace("_", " "): v for k, v in labelled.items()})


def _never(value):
    return {
        "None": None,
        "text": "3",
        "NumPy's text": np.str_("3"),
        "an array of text": np.array("3"),
        "bytes": b"1",
        "a bytearray": bytearray(b"1"),
        "a memoryview": memoryview(b"12"),
        "a list": [2],
        "an empty list": [],
        "a tuple": (2, "a"),
        "a dict": {"a": 1},
        "a set": {1},
        "a range": range(3),
        "a slice": slice(3),
        "a generator": (size for size in (1, 2)),
        "an object": Thing(),
        "a class": Thing,
        "a class of arrays": np.ndarray,
        "a hostile object": Hostile(),
        "an enum": Colour.RED,
        "a path": pathlib.Path("3"),
        "an exception": ValueError("3"),
        "a module": np,
        "a function": lambda x: x,
        "a complex number": 1j,
        "NumPy's complex": np.complex64(1.0),
        "a Decimal": decimal.Decimal(2),
        "a date": datetime.date(2020, 1, 1),
        "a timedelta": datetime.timedelta(seconds=2),
        "NumPy's timedelta": np.timedelta64(2, "s"),
        "pandas' NA": pd.NA,
        "a Series": pd.Series([1, 2]),
        "masked": np.ma.masked,
        "an ellipsis": ...,
        "an array": np.array([1, 2]),
        "a record": np.zeros(1, [("a", "i4")])[0],
        "a layer": keras.layers.Dense(2),
        "a Keras tensor": keras.KerasTensor(()),
        "a string tensor": tf.constant("a"),
        "a vector tensor": tf.constant([1, 2]),
        "a ragged tensor": tf.ragged.constant([[1], [2, 3]]),
        "a distribution": tfp.distributions.Normal(0.0, 1.0),
    }


NEVER = Sort(_never)  # what no argument of one number or name takes
NONE = accepted(None_=None)
SEQUENCES = ("a list", "an empty list", "a tuple", "a range", "an array", "a vector tensor", "a Series", "a memoryview")


def whole(least: int = 1, most: int | None = None, none: bool = False) -> Sort:
    """Whole numbers from `least` on."""

    def good(value):
        if not isinstance(value, int):
            return {}
        kinds = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
        same = {kind: np.dtype(kind).type(value) for kind in kinds if value <= np.iinfo(kind).max}
        same |= {"an array": np.array(value), "a tensor": tf.constant(value)}
        return same | {"an enum": enum.IntEnum("Count", {"HERE": value}).HERE}

    return _or_none(
        Sort(NEVER.bad, good)
        | these(a_fraction=1.5, NaN=NAN, infinite=INFINITE, True_=True, a_float=2.0, negative_zero=-0.0)
        | these(too_small=least - 1, far_too_small=-(2**40), huge=2**70, endless=10**5000, minus_endless=-(10**5000))
        | these(a_whole_float=np.float32(2), a_whole_fraction=fractions.Fraction(2), NumPys_True=np.bool_(True))
        | (these() if most is None else these(too_large=most + 1)),
        none,
    )


def number(least: float | None = None, above: float | None = None, most: float | None = None, none=False) -> Sort:
    """Finite real numbers within bounds."""
    outside = {least: -0.5, above: 0.0, most: 0.5}
    bounds = {f"out of bounds, {bound + shift}": bound + shift for bound, shift in outside.items() if bound is not None}

    def good(value):
        if not isinstance(value, (int, float)):
            return {}
        same = {kind: np.dtype(kind).type(value) for kind in ("float16", "float32", "float64", "longdouble")}
        made = {"a Fraction": fractions.Fraction(value), "a tensor": tf.constant(value, "float32")}
        return same | made | {"an array": np.array(value, "float32")}

    return _or_none(
        Sort(NEVER.bad, good)
        | Sort(lambda value: bounds)
        | these(NaN=NAN, NumPys_NaN=np.float32(NAN), infinite=INFINITE, minus_infinite=-INFINITE, NumPys_True=np.True_)
        | these(True_=True, endless=10**400, minus_endless=-(10**400), a_large_fraction=fractions.Fraction(10**400))
        | these(an_array_of_NaN=np.array(NAN), a_tensor_of_NaN=tf.constant(NAN), long_double=np.longdouble("1e400")),
        none,
    )


def _or_none(sort, none):
    return sort.without("None") | NONE if none else sort


COUNT, COUNT_OR_NONE = whole(), whole(none=True)
SEED, SEED_OR_NONE = (whole(0, 2**31 - 1, none) for none in (False, True))
FLAG = Sort(NEVER.bad, lambda value: {"NumPy's": np.bool_(value)}) | these(1, 0, "yes", "True", 1.0, NAN, np.int8(1))


def choice(*names: str, none: bool = False) -> Sort:
    """One of several names."""

    class Name(str, enum.Enum):  # noqa: UP042, people have them of older Pythons
        FIRST = names[0]

    wrong = {f"{name} misspelled": name[:-1] + "x" for name in names} | {
        "names": list(names),
        "upper": names[0].upper(),
    }
    right = {name: name for name in names} | {"NumPy's": np.str_(names[0]), "an enum": Name.FIRST}
    sort = NEVER | these(3, 0.5, True, "", " ", "\n", "nonsense" * 100, NAN)
    return _or_none(sort | Sort(lambda value: wrong, lambda value: right), none)


def text(none: bool = False) -> Sort:
    return _or_none(NEVER.without("text", "NumPy's text") | these(3, 0.5, True), none)


def function(none: bool = False) -> Sort:
    return _or_none(NEVER.without("a function", "a layer") | these(3, "relu", True), none)


ACTIVATION = (
    NEVER.without("None", "a function", "a layer")
    | these(3, True, "nonsense", "rellu", "", ["relu"])
    | accepted(None_=None, a_name="silu", a_function=keras.activations.tanh)
)
NETWORK = NEVER.without("None", "a layer") | these(3, True, "dense", keras.layers.Dense, [keras.layers.Dense(3)])
MODEL = NEVER | these(3, "vae", a_Keras_model=keras.Sequential([keras.layers.Dense(2)]))
MODEL |= Sort(lambda value: {"its class": type(value)})


def part(*names: str, of: type) -> Sort:
    """A part by name, or an object of the right kind; never its class."""
    return (choice(*names) if names else NEVER) | these(3, 0.5, True, keras.layers.Dense(3), of)


def networks(good: dict[str, Any]) -> Sort:
    """Networks by modality."""
    (first, network), (second, other) = good.items()
    return (
        NEVER.without("None")
        | these(3, True, "dense", network)
        | these(names={first: "dense", second: "dense"}, Nones={first: None, second: None}, one_of_two={first: network})
        | these(classes=dict.fromkeys(good, keras.layers.Dense), another_name={first: network, "other": other})
        | these(numbers_for_keys={0: network, 1: other}, a_number_within={first: network, second: 3})
    )


def sizes(fewest: int = 1) -> Sort:
    """A sequence of positive whole numbers."""
    wrong = [NAN, "4", None, True, 1.5, 0, -2, 2**70, 10**5000, 1j, [4], Thing(), Colour.RED, np.float32(2)]

    def bad(value):
        return {f"{type(size).__name__} within, {index}": (4, size) for index, size in enumerate(wrong)}

    def good(value):
        if value is None:
            return {}
        return {"a list": list(value), "an array": np.asarray(value, int), "NumPy's": tuple(map(np.int64, value))}

    kept = NEVER.without(*SEQUENCES) | these(3, 0.5, True, np.ones((2, 2), int), np.ones(2), ("4",), (2, "a"))
    return Sort(bad, good) | kept | (these([], ()) if fewest else these())


# A list of finite numbers
NUMBERS = NEVER.without(*SEQUENCES)
NUMBERS |= these([NAN], ["a"], [None], [1j], [True], [[1.0]], [10**400], 1.0, [], [0.0, INFINITE])


def shape(ndims: int = 0) -> Sort:
    """The shape of one example; with `ndims`, of so many sides."""

    def bad(value):
        first, *rest = (8, 8, 1) if value is None else value
        wrong = {
            f"{type(side).__name__} for a side, {side}": (side, *rest) for side in (0, -1, 1.5, True, "8", NAN, None)
        }
        return wrong | ({"another rank": (first, *rest, 3), "no sides": ()} if ndims else {})

    good = Sort(bad, lambda value: {} if value is None else {"a list": list(value), "an array": np.asarray(value)})
    return good | NEVER.without(*SEQUENCES) | these(3, (2, "a"))


def path(*wrong: Any) -> Sort:
    """What exists, of a folder or a file."""
    kept = NEVER.without("text", "NumPy's text", "a path") | these(3, 0.5, True, NAN, "/nowhere/at/all", "a\0b")
    return kept | these(*wrong)
