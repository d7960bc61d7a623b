"""How a vector-quantized model uses its codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from keras_vae.metrics import given
from keras_vae.metrics.estimate import Estimate

if TYPE_CHECKING:
    import keras


def codebook_use(model: keras.Model, x) -> dict[str, Estimate]:
    """Codes used over a data set, and the perplexity `exp(entropy)` of their shares (van den Oord et al. 2017, A.1).

    A batch knows less: its perplexity is below that of the data set, and depends on its size.

    Returns:
        `{"codes_used": Estimate, "perplexity": Estimate}`, both in codes: 1 to `model.codes`.

    Raises:
        TypeError: a model without a codebook; data as `model.embed`.
    """
    codes = given.model(model, "codes", "embed").embed(x)
    counts = np.bincount(np.ravel(codes), minlength=model.codes)
    shares = counts[counts > 0] / counts.sum()
    perplexity = float(np.exp(-np.sum(shares * np.log(shares))))
    return {
        "codes_used": Estimate(len(shares), "codes", len(codes)),
        "perplexity": Estimate(perplexity, "codes", len(codes)),
    }
