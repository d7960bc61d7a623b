"""The linear baseline of multimodal models: canonical correlation analysis."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_vae import checks
from keras_vae.metrics import given


class CanonicalCorrelation:
    """Predicts one of two modalities from the other by canonical correlation analysis (CCA, Hotelling 1936).

    scikit-learn's CCA is fitted to the scores of scikit-learn's PCA, one of each modality. A modality's canonical
    variates, the linear functions of it that are most correlated with the other's, predict the other by least squares.
    It has no likelihood and draws nothing: what is to be compared with it is what `metrics` measures of images.

    Args:
        components: number of canonical variates. Of pairs that have only their class in common, no more are correlated
            than one fewer than there are classes; estimates from few examples spread these over more.
        principal_components: of each modality at most; fewer where it has fewer dimensions.
        pairs: at most so many are fitted, drawn at random where more are given, since CCA's time grows with them
            (20,000 pairs and 20 components: half a minute); None: all.
        seed: of that draw and of PCA's solver.

    Raises:
        TypeError, ValueError: no integer, or one out of its range.
    """

    def __init__(
        self, components: int = 20, principal_components: int = 100, pairs: int | None = 20_000, seed: int = 0
    ) -> None:
        self.components = checks.whole("components", components)
        self.principal_components = checks.whole("principal_components", principal_components)
        self.pairs, self.seed = checks.whole("pairs", pairs, 2, none=True), checks.seed(seed, none=False)
        self.modalities, self.event_shapes = (), {}

    def fit(self, x: dict[str, Any]) -> CanonicalCorrelation:
        """Fits it to pairs.

        Args:
            x: dict of two arrays by modality, `[examples, *event]` each, whose rows are pairs; images in [0, 1].

        Returns:
            self.

        Raises:
            TypeError: no dict of two modalities, or one that holds no numbers.
            ValueError: NaN or infinities; not as many examples of each; too few for the components.
        """
        from sklearn.cross_decomposition import CCA
        from sklearn.decomposition import PCA
        from sklearn.linear_model import LinearRegression

        if not isinstance(x, dict) or len(x) != 2 or not all(isinstance(name, str) for name in x):
            found = f"a dict of {sorted(map(str, x))}" if isinstance(x, dict) else type(x).__name__
            raise TypeError(f"CanonicalCorrelation takes a dict of two modalities; got {found}.")
        first, second = names = tuple(sorted(x))
        x = {name: given.array(name, x[name], dtype="float32") for name in names}
        count = len(x[first])
        if len(x[second]) != count:
            raise ValueError(f"The rows must be pairs; got {count} of {first!r} and {len(x[second])} of {second!r}.")
        rows = slice(None)
        if self.pairs is not None and self.pairs < count:
            rows = np.sort(np.random.default_rng(self.seed).choice(count, self.pairs, replace=False))
        self.event_shapes = {name: np.shape(x[name])[1:] for name in names}
        flat = {name: _flat(np.asarray(x[name])[rows]) for name in names}
        kept = {name: min(self.principal_components, *values.shape) for name, values in flat.items()}
        if not 1 <= self.components <= min(kept.values()):
            raise ValueError(f"components must be 1 to {min(kept.values())}, for these data; got {self.components}.")
        # CCA does not depend on the scale of the scores; of white ones the variates are a product, without its means.
        self.pca = {
            name: PCA(kept[name], whiten=True, random_state=self.seed).fit(values) for name, values in flat.items()
        }
        cca = CCA(self.components, scale=False, max_iter=2000).fit(
            *(self.pca[name].transform(flat[name]) for name in names)
        )
        self.rotations = {first: cca.x_rotations_, second: cca.y_rotations_}
        # Not CCA.predict: it takes a variate for the other modality's, as if each correlation were 1, and where they
        # are weak is worse than the mean.
        self.regressions = {
            to: LinearRegression().fit(self._variates(source, flat[source]), flat[to])
            for source, to in (names, names[::-1])
        }
        self.modalities = names
        return self

    def translate(self, inputs: dict[str, Any], to: str, seed: int | None = None) -> np.ndarray:
        """The other modality, predicted: float32 `[examples, *event]`, clipped to [0, 1].

        Args:
            inputs: `{modality: array}` of the one modality given, `[examples, *event]`.
            to: the modality to make.
            seed: ignored, since nothing is drawn: here for what takes models, such as `metrics.cross_coherence`.

        Raises:
            TypeError: inputs that hold no numbers.
            ValueError: not fitted; an unknown modality; other inputs than the other modality, or of another shape.
        """
        if not self.modalities:
            raise ValueError("This CanonicalCorrelation is not fitted: call fit(x) with pairs of both modalities.")
        if to not in self.modalities:
            raise ValueError(f"Unknown modality {to!r}; it was fitted to {list(self.modalities)}.")
        (source,) = set(self.modalities) - {to}
        if not isinstance(inputs, dict) or set(inputs) != {source}:
            found = sorted(inputs) if isinstance(inputs, dict) else type(inputs).__name__
            raise ValueError(f"{to!r} is predicted from {{{source!r}: array}} alone; got {found}.")
        values = given.array(source, inputs[source], dtype="float32")
        shape = values.shape
        if shape[1:] != self.event_shapes[source]:
            wanted = ", ".join(["examples", *map(str, self.event_shapes[source])])
            raise ValueError(f"{source} must have the shape [{wanted}]; got {list(shape)}.")
        made = self.regressions[to].predict(self._variates(source, _flat(values)))
        return np.clip(made, 0.0, 1.0).astype("float32").reshape(-1, *self.event_shapes[to])

    def _variates(self, name, flat):
        """Canonical variates of one modality, `[examples, dimensions]` to `[examples, components]`."""
        return (self.pca[name].transform(flat) @ self.rotations[name]).astype("float32")


def _flat(x):
    """Float32 `[examples, dimensions]`."""
    x = np.asarray(x, "float32")
    return x.reshape(len(x), -1)
