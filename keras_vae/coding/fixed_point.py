"""Arithmetic that comes out alike on every machine: whole multiples of powers of two, and tables of functions of them.

Floating point sums depend on their order, and exponentials on the processor's library: one flipped bit and nothing of a
stream can be decoded any more. Sums of whole numbers below 2^53 are exact in float64, whatever the order, so matrix
products still run at full speed; functions are tables, themselves made of whole numbers alone.
"""

import decimal
import functools
from collections.abc import Callable

import numpy as np

GRID = 12  # activations are multiples of 2^-12 ...
LARGEST = 2**23 - 1  # ... below 2^11
FINE = 20  # scales and the edges of buckets are multiples of 2^-20
PRECISION = 30  # bits behind the point of what functions are computed with
REACH = 16  # functions are tabled from -16 to 16
ONE = 1 << PRECISION


def to_grid(values: np.ndarray, bits: int = GRID) -> np.ndarray:
    """Numbers to the nearest multiples of `2^-bits`, as whole numbers in float64."""
    return np.rint(np.ldexp(np.asarray(values, "float64"), bits))


def shifted(values: np.ndarray, bits: int) -> np.ndarray:
    """Whole numbers in float64, divided by `2^bits` and rounded down from a half above."""
    return np.floor(np.ldexp(values, -bits) + 0.5)


def exp_negative(steps: np.ndarray, bits: int) -> np.ndarray:
    """`exp(-steps 2^-bits)` of whole steps from 0, times `2^30`: int64, by a product for each binary digit."""
    steps = np.asarray(steps, "int64")
    result = np.full(steps.shape, ONE, "int64")
    for digit in range(int(steps.max(initial=0)).bit_length()):
        # Python's decimals round correctly, so these are the same everywhere.
        power = (-(decimal.Decimal(2) ** (digit - bits))).exp(decimal.Context(prec=30))
        factor = int((power * ONE).to_integral_value(decimal.ROUND_HALF_EVEN))
        result = np.where(steps >> digit & 1, (result * factor + ONE // 2) >> PRECISION, result)
    return result


def _places():
    return np.arange(-REACH << GRID, REACH << GRID, dtype="int64")


@functools.cache
def exp_table() -> np.ndarray:
    """`exp(-x)` from 0 to 32, times `2^30`: int64 `[2^17]`."""
    return exp_negative(np.arange(2 * REACH << GRID), GRID)


@functools.cache
def logistic_table() -> np.ndarray:
    """The logistic function from -16 to 16, times `2^30`: int64 `[2^17]`."""
    places = _places()
    upper = (ONE << PRECISION) // (ONE + exp_negative(np.abs(places), GRID))
    return np.where(places >= 0, upper, ONE - upper)


@functools.cache
def softplus_table() -> np.ndarray:
    """`log(1 + exp(x))` from -16 to 16, times `2^20`: the sum of the logistic function's values below, by trapezes."""
    values = logistic_table()
    return (np.cumsum(values) - values // 2) >> (GRID + PRECISION - FINE)


@functools.cache
def normal_table() -> np.ndarray:
    """The standard normal's cumulative distribution from -16 to 16, times `2^30`."""
    density = exp_negative(_places() ** 2, 2 * GRID + 1)
    sums = np.cumsum(density) - density // 2
    return ((sums >> GRID) << PRECISION) // (int(density.sum()) >> GRID)


def interpolated(table: np.ndarray, places: np.ndarray, bits: int) -> np.ndarray:
    """A table's function at int64 multiples of `2^-bits`, from 12 bits, linear between its places; constant outside."""
    finer = bits - GRID
    places = np.clip(places, -REACH << bits, (REACH << bits) - (1 << finer) - 1) + (REACH << bits)
    index, rest = places >> finer, places & ((1 << finer) - 1)
    return table[index] + (((table[index + 1] - table[index]) * rest) >> finer)


def _tanh(places):
    doubled = np.clip(2 * places, places[0], places[-1]) - places[0]
    return 2 * logistic_table()[doubled] - ONE


# Of places from -16 to 16 the function's values, times 2^30.
FUNCTIONS: dict[str, Callable] = {
    "elu": lambda x: np.where(x > 0, x << (PRECISION - GRID), exp_negative(np.maximum(-x, 0), GRID) - ONE),
    "sigmoid": lambda x: logistic_table(),
    "silu": lambda x: (x * logistic_table()) >> GRID,
    "softplus": lambda x: softplus_table() << (PRECISION - FINE),
    "tanh": _tanh,
    "gelu": lambda x: (x * normal_table()) >> GRID,
}
BOUNDED = ("sigmoid", "tanh")  # the others are x itself above


@functools.cache
def _table(name):
    half = 1 << (PRECISION - GRID - 1)
    return (FUNCTIONS[name](_places()) + half >> (PRECISION - GRID)).astype("float64")


def apply(name: str, values: np.ndarray) -> np.ndarray:
    """A function of multiples of `2^-12`, whole numbers in float64, rounded to such multiples."""
    if name == "linear":
        return values
    if name == "relu":
        return np.maximum(values, 0.0)
    limit = REACH << GRID
    table = _table(name)[np.clip(values, -limit, limit - 1).astype("int64") + limit]
    return table if name in BOUNDED else np.where(values >= limit, values, table)
