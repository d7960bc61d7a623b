"""Latents as whole numbers: buckets of equal probability under a normal prior."""

from __future__ import annotations

import functools

import numpy as np

from keras_vae.coding import fixed_point
from keras_vae.coding.fixed_point import FINE, GRID, PRECISION
from keras_vae.coding.stack import BITS, Stack

BUCKETS = 14  # there are 2^14
SMALLEST_SCALE = 1 << (FINE - 10)
EDGE = 8 << FINE  # where the normal's tails are cut


@functools.cache
def buckets() -> tuple[np.ndarray, np.ndarray]:
    """Edges `[2^14 + 1]` and medians `[2^14]` of the standard normal's buckets of equal probability, times `2^20`."""
    table = fixed_point.normal_table()
    quantiles = np.arange((2 << BUCKETS) + 1, dtype="int64") << (PRECISION - BUCKETS - 1)
    upper = np.clip(np.searchsorted(table, quantiles, side="right"), 1, len(table) - 1)
    below, step = table[upper - 1], np.maximum(table[upper] - table[upper - 1], 1)
    finer = FINE - GRID
    places = ((upper - 1 - (fixed_point.REACH << GRID)) << finer) + ((quantiles - below) << finer) // step
    places = np.clip(places, -EDGE, EDGE)
    return places[::2], places[1::2]


class NormalCoder:
    """Codes latents whose prior is a normal, by a normal posterior, given as whole numbers in the prior's units.

    Args:
        loc: times `2^20`, int64 `[latents]`.
        scale: times `2^20`.
    """

    def __init__(self, loc: np.ndarray, scale: np.ndarray) -> None:
        self.loc = loc
        self.precision = (1 << (FINE + GRID)) // np.maximum(scale, SMALLEST_SCALE)  # times 2^12

    def push(self, stack: Stack, indices: np.ndarray) -> None:
        starts = self._cumulative(indices)
        stack.push_interval(starts, self._cumulative(indices + 1) - starts)

    def pop(self, stack: Stack) -> np.ndarray:
        return stack.pop_interval(len(self.loc), self._find)

    def _cumulative(self, index):
        """The posterior's probability below a bucket, times `2^20`."""
        edges = buckets()[0][index]
        places = ((edges - self.loc) * self.precision) >> GRID
        below = fixed_point.interpolated(fixed_point.normal_table(), places, FINE) >> (PRECISION - BITS)
        return np.where(index == 0, 0, np.where(index == 1 << BUCKETS, 1 << BITS, below))

    def _find(self, places):
        lower, upper = np.zeros(places.shape, "int64"), np.full(places.shape, 1 << BUCKETS)
        for _ in range(BUCKETS):
            middle = (lower + upper) >> 1
            left = places < self._cumulative(middle)
            lower, upper = np.where(left, lower, middle), np.where(left, middle, upper)
        starts = self._cumulative(lower)
        return lower, starts, self._cumulative(upper) - starts


def push_prior(stack: Stack, indices: np.ndarray) -> None:
    """Under the prior all buckets are alike."""
    stack.push_uniform(indices, np.full(len(indices), 1 << BUCKETS))


def pop_prior(stack: Stack, count: int) -> np.ndarray:
    return stack.pop_uniform(np.full(count, 1 << BUCKETS))


def value(indices: np.ndarray) -> np.ndarray:
    """The buckets' medians as multiples of `2^-12`, whole numbers in float64."""
    return fixed_point.shifted(buckets()[1][indices].astype("float64"), FINE - GRID)
