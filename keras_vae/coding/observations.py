"""Data given the decoder's outputs: probabilities as whole numbers, for each discrete likelihood."""

from __future__ import annotations

import decimal
from collections.abc import Callable
from typing import Any

import numpy as np

from keras_vae.coding import fixed_point
from keras_vae.coding.fixed_point import FINE, GRID, ONE, PRECISION
from keras_vae.coding.stack import Stack
from keras_vae.parts import BernoulliLikelihood, CategoricalLikelihood, DiscretizedLogisticLikelihood, Likelihood

TOTAL = 24  # probabilities are multiples of 2^-24: the coder's own


class Bits:
    """Zeros and ones; the decoder gives logits."""

    wanted = "zeros and ones; keras_vae.data.binarize makes them of grey values"
    classes, largest = 2, 1  # of symbols, and of the numbers that 8-bit data have for them

    def __init__(self, likelihood: BernoulliLikelihood, event_shape: tuple[int, ...]) -> None:
        pass

    def symbols(self, x: np.ndarray) -> np.ndarray:
        return x.astype("int64")

    def values(self, symbols: np.ndarray) -> np.ndarray:
        return symbols

    def probabilities(self, logits):
        table, places = fixed_point.logistic_table(), np.asarray(logits, "int64")
        ones = fixed_point.interpolated(table, places, GRID) >> (PRECISION - TOTAL)
        return np.ldexp(np.clip(ones, 1 << 4, (1 << TOTAL) - (1 << 4)).astype("float64"), -TOTAL)

    def push(self, stack: Stack, symbols: np.ndarray, parameters: np.ndarray) -> None:
        stack.push_bits(symbols.ravel(), self.probabilities(parameters).ravel())

    def pop(self, stack: Stack, parameters: np.ndarray) -> np.ndarray:
        return stack.pop_bits(self.probabilities(parameters).ravel()).reshape(parameters.shape)


class _Classes:
    def push(self, stack: Stack, symbols: np.ndarray, parameters: np.ndarray) -> None:
        weights = self.weights(parameters)
        stack.push_classes(symbols.ravel(), _normalised(weights).reshape(-1, weights.shape[-1]))

    def pop(self, stack: Stack, parameters: np.ndarray) -> np.ndarray:
        weights = self.weights(parameters)
        return stack.pop_classes(_normalised(weights).reshape(-1, weights.shape[-1])).reshape(weights.shape[:-1])


class OneHot(_Classes):
    """Categories along the last axis; the decoder gives logits."""

    wanted = "one-hot categories along the last axis"
    largest = 1

    def __init__(self, likelihood: CategoricalLikelihood, event_shape: tuple[int, ...]) -> None:
        self.classes = event_shape[-1]

    def symbols(self, x: np.ndarray) -> np.ndarray:
        return x.argmax(axis=-1)

    def values(self, symbols: np.ndarray) -> np.ndarray:
        return np.eye(self.classes)[symbols]

    def weights(self, logits):
        """In proportion to the probabilities of the categories: int64."""
        logits = np.asarray(logits, "int64")
        below = np.minimum(logits.max(axis=-1, keepdims=True) - logits, (32 << GRID) - 1)
        return fixed_point.exp_table()[below]


class Levels(_Classes):
    """Evenly spaced values from 0 to 1; the decoder gives locations, and scales where they are not one for all."""

    def __init__(self, likelihood: DiscretizedLogisticLikelihood, event_shape: tuple[int, ...]) -> None:
        self.classes, self.largest = likelihood.levels, likelihood.levels - 1
        self.wanted = f"multiples of 1/{self.largest} from 0 to 1"
        self.decoded = likelihood.scale == "decoded"
        self.unit, self.floor = (round(part * 2**FINE) for part in (likelihood.unit, likelihood.floor))
        self.scale = 0 if self.decoded else self._one_scale(likelihood)

    def _one_scale(self, likelihood):
        if likelihood.scale != "learned":
            return round(likelihood.scale * 2**FINE)
        log = decimal.Decimal(likelihood.pace * float(likelihood.raw_scale.numpy()))  # exp of TensorFlow's may differ
        return round(decimal.Decimal(likelihood.unit * 2**FINE) * log.exp()) + self.floor

    def symbols(self, x: np.ndarray) -> np.ndarray:
        return np.rint(x * self.largest).astype("int64")

    def values(self, symbols: np.ndarray) -> np.ndarray:
        return symbols / self.largest

    def weights(self, parameters):
        """In proportion to the probabilities of the levels: int64."""
        loc, scale = parameters, np.int64(self.scale)
        if self.decoded:
            loc, raw = np.split(parameters, 2, axis=-1)
            positive = fixed_point.interpolated(fixed_point.softplus_table(), np.asarray(raw, "int64"), GRID)
            scale = (self.unit * positive >> FINE) + self.floor
        edges = ((2 * np.arange(self.largest, dtype="int64") + 1) << FINE) // (2 * self.largest)  # between two levels
        apart = edges - (np.asarray(loc, "int64")[..., None] << (FINE - GRID))
        places = np.clip((apart << GRID) // np.maximum(scale, 1)[..., None], -64 << GRID, 64 << GRID)
        below = fixed_point.interpolated(fixed_point.logistic_table(), places, GRID)
        ends = np.zeros((*below.shape[:-1], 1), "int64")
        return np.diff(np.concatenate([ends, below, ends + ONE], axis=-1))


def _normalised(weights):
    """Probabilities that are multiples of `2^-24`, none of them zero; they sum to at most 1, the coder has the rest."""
    count = weights.shape[-1]
    whole = (weights * ((1 << TOTAL) - count)) // np.maximum(weights.sum(axis=-1, keepdims=True), 1) + 1
    return np.ldexp(whole.astype("float64"), -TOTAL)


OBSERVATIONS: dict[type[Likelihood], Callable[[Any], Any]] = {
    BernoulliLikelihood: Bits,
    CategoricalLikelihood: OneHot,
    DiscretizedLogisticLikelihood: Levels,
}
