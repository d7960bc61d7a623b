"""A measured number, and how well it is known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from keras_vae import checks
from keras_vae.metrics import given


class Estimate(NamedTuple):
    """A mean over examples.

    Attributes:
        value: the mean.
        unit: such as "nats" or "fraction".
        examples: number of examples that it is a mean of.
        standard_error: of the mean over examples; None for a number that is no mean.
        samples: draws an example, where there are any.
    """

    value: float
    unit: str
    examples: int
    standard_error: float | None = None
    samples: int | None = None

    @classmethod
    def of(cls, values: np.ndarray, unit: str, samples: int | None = None) -> Estimate:
        """The estimate from one value an example, `[examples]`.

        Raises:
            TypeError, ValueError: no such values, none at all, or NaN or infinities among them; a unit that is no text.
        """
        values = given.array("values", values, "examples")
        checks.instance("unit", unit, str, 'a text, such as "nats"'), checks.whole("samples", samples, none=True)
        error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
        return cls(float(values.mean()), unit, len(values), error, samples)
