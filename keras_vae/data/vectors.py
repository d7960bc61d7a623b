"""Small real data sets of vectors that ship with the package, as their authors published them (`vectors.npz`).

Neither was published with a licence; both are research data that have been handed on freely ever since. They are no
part of what this package's own licence covers.
"""

from __future__ import annotations

import pathlib

import numpy as np

from keras_vae import checks

FLOWS = ("homogeneous", "annular", "stratified")


def oil_flow(split: str = "train") -> tuple[np.ndarray, np.ndarray]:
    """Three-phase oil flow (Bishop & James 1993): measurements, float32 `[1000, 12]`, and labels `[1000]` of `FLOWS`.

    Simulated readings of six gamma beams through a pipe of oil, water and gas, two energies each, as the path lengths
    in oil and in water; the example of GTM (Bishop, Svensen & Williams 1998) and of many latent-variable models since.

    Args:
        split: "train", "validation" or "test", 1,000 examples each.

    Raises:
        TypeError, ValueError: another split.
    """
    checks.choice("split of oil_flow", split, ("train", "validation", "test"))
    with np.load(pathlib.Path(__file__).with_name("vectors.npz")) as stored:
        # Published with four decimals, so stored as whole numbers.
        x, labels = stored[f"oil_flow_{split}"] / 10_000, stored[f"oil_flow_{split}_labels"]
    return x.astype("float32"), labels.astype("int64")


def tobamovirus() -> np.ndarray:
    """Counts of 18 amino acids in the coat proteins of 38 tobamoviruses, float32 `[38, 18]`.

    From Ripley's "Pattern Recognition and Neural Networks" (1996), file `virus3.dat`; Tipping & Bishop (1999) show
    probabilistic PCA with missing entries on it.
    """
    with np.load(pathlib.Path(__file__).with_name("vectors.npz")) as stored:
        return stored["tobamovirus"].astype("float32")
