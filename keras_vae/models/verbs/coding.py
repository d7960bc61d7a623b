"""Compression by a model, without loss."""

from collections.abc import Callable
from typing import Any

import numpy as np


class CodingVerbs:
    """Data to bytes and back. TensorFlow is not asked: what it computes differs from machine to machine."""

    def compress(self, x: Any, entry: str = "", progress: Callable[[int], Any] | None = None) -> bytes:
        """Data as bytes, without loss, by bits-back coding (Townsend et al. 2019): their free energy in bits, a little
        more. For a `VAE` or a `LadderVAE` with a standard normal prior, a normal posterior and a discrete likelihood:
        "bernoulli", "categorical" or "discretized_logistic". Codes are computed on whole numbers, so that any machine
        decodes them.

        Args:
            x: `[examples, *event]`, all of it in memory; many at once, since the first ones pay for a seed of bits.
            entry: a name for this model, told to those who have the wrong one.
            progress: None, or a function called with the number of examples just done: all of them twice, once to
                code them and once to check that they come out again.

        Raises:
            ImportError: `constriction` is not installed: `pip install "keras_vae[compression]"`.
            TypeError: x holds no numbers.
            ValueError: a model that does not code; data of another shape, or values that the likelihood does not have.
        """
        from keras_vae import coding

        return coding.compress(self, x, entry, progress)

    def decompress(self, data: bytes, progress: Callable[[int], Any] | None = None) -> np.ndarray:
        """What `compress` was given: the same shape, type and values.

        Raises:
            ImportError: `constriction` is not installed.
            TypeError: data are no bytes.
            ValueError: they are not what `compress` returned, damaged, cut short, of another version of keras_vae or of
                another model.
        """
        from keras_vae import coding

        return coding.decompress(self, data, progress)
