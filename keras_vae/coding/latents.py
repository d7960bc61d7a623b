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


class Normals:
    """Normals of whole numbers, `[batch, *event]` each.

    Args:
        loc: multiples of 2^-12.
        scale: multiples of 2^-20.
    """

    def __init__(self, loc: np.ndarray, scale: np.ndarray) -> None:
        self.loc, self.scale = np.asarray(loc, "int64"), np.maximum(np.asarray(scale, "int64"), SMALLEST_SCALE)

    @classmethod
    def of(cls, raw: np.ndarray, shift: float = 0.0, least: float = 0.0) -> Normals:
        """Of what a head gives, locations, then raw scales: `softplus(raw + shift) + least`."""
        loc, raw = np.split(np.asarray(raw, "int64"), 2, axis=-1)
        positive = fixed_point.interpolated(fixed_point.softplus_table(), raw + round(shift * 2**GRID), GRID)
        return cls(loc, positive + round(least * 2**FINE))

    @classmethod
    def standard(cls, shape: tuple[int, ...]) -> Normals:
        return cls(np.zeros(shape), np.full(shape, 1 << FINE))

    def value(self, indices: np.ndarray) -> np.ndarray:
        """Medians of buckets, `[batch, *event]`, multiples of 2^-12 as whole numbers in float64."""
        apart = self.scale * buckets()[1][indices.reshape(self.loc.shape)]  # times 2^40
        return self.loc + fixed_point.shifted(apart.astype("float64"), 2 * FINE - GRID)

    def merged(self, other: Normals) -> Normals:
        """The product of both, weighted by their precisions. Single operations of float64 round alike everywhere."""
        mine, others = (part.scale.astype("float64") for part in (self, other))
        both = mine * mine + others * others
        loc = other.loc + (self.loc - other.loc) * ((others * others) / both)
        return Normals(np.rint(loc), np.rint(mine * others / np.sqrt(both)))

    def residual_to(self, other: Normals) -> Normals:
        """This one's location added to the other's, and its scale multiplied by it."""
        return Normals(other.loc + self.loc, (other.scale * self.scale) >> FINE)


class NormalCoder:
    """Codes latents by their posterior, as indices of the buckets of their prior.

    Args:
        posterior, prior: of the same shape.
    """

    def __init__(self, posterior: Normals, prior: Normals) -> None:
        # In the prior's units, times 2^20; the precision times 2^12.
        self.loc = ((posterior.loc - prior.loc).ravel() << (2 * FINE - GRID)) // prior.scale.ravel()
        scale = (posterior.scale.ravel() << FINE) // prior.scale.ravel()
        self.precision = (1 << (FINE + GRID)) // np.maximum(scale, SMALLEST_SCALE)

    def push(self, stack: Stack, indices: np.ndarray) -> None:
        starts = self._cumulative(indices)
        stack.push_interval(starts, self._cumulative(indices + 1) - starts)

    def pop(self, stack: Stack) -> np.ndarray:
        return stack.pop_interval(len(self.loc), self._find)

    def _cumulative(self, index):
        """The posterior's probability below a bucket, times `2^20`."""
        apart = np.clip(buckets()[0][index] - self.loc, -(1 << 40), 1 << 40)
        places = np.clip((apart * self.precision) >> GRID, -EDGE, EDGE)
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
