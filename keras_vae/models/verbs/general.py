"""What users do with a model of any kind: encode, embed, reconstruct, sample, score."""

import inspect
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import tree

from keras_vae import checks
from keras_vae.distributions import centre, nearest, shown
from keras_vae.distributions.seeds import fold_in, stateless
from keras_vae.models.inputs import Batch, examples
from keras_vae.models.verbs.coding import CodingVerbs
from keras_vae.models.verbs.importance import draws_at_a_time, log_likelihood_function
from keras_vae.parts import Likelihood

VALUES = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)  # of a latent that is traversed


class Verbs(CodingVerbs):
    """The public verbs, made of `posterior_of`, `prior_of` and `likelihood_of`. They leave weights and metrics alone,
    and networks behave as at test time."""

    def encode(self, x: Any) -> Any:
        """Posterior q(z|x), all of x at once: a TFP distribution with batch shape `[examples]`."""
        return self.posterior_of(self.prepare(x))

    def decode(self, z: Any) -> Any:
        """Likelihood p(x|z) of latents `[..., *latents]`: a TFP distribution over x; by modality, a mapping of them.

        Raises:
            TypeError, ValueError: z is no latents of this model.
        """
        self.require_built()
        return self.likelihood_of(self.latents(z))

    def latents(self, z: Any) -> Any:
        """Latents as tensors, checked: a tensor `[..., *event]`, or the nest that the model has."""
        shapes = self.latent_shape()
        if isinstance(shapes, dict) != isinstance(z, dict) or (isinstance(z, dict) and set(z) != set(shapes)):
            wanted = f"a dict of {sorted(shapes)}" if isinstance(shapes, dict) else "one array"
            raise TypeError(f"Latents of {type(self).__name__} are {wanted}; got {type(z).__name__}.")
        if isinstance(shapes, dict):
            return {name: self._latent(z[name], shape, f"The latents {name!r}") for name, shape in shapes.items()}
        return self._latent(z, shapes, "The latents")

    def _latent(self, z, shape, what):
        try:
            z = tf.convert_to_tensor(z)
            fits = z.dtype.is_integer or (z.dtype.is_floating and self.latent_dtype != "int32")
        except Exception:  # of many types
            fits = False
        if not fits:
            kind = "whole numbers" if self.latent_dtype == "int32" else "numbers"
            raise TypeError(f"{what} must be {kind}, as `encode` and `embed` give them; got {checks.told(z)}.")
        z = tf.cast(z, self.latent_dtype)
        if z.shape.rank is not None and tuple(z.shape[len(z.shape) - len(shape) :]) != tuple(shape):
            wanted = ", ".join(["...", *map(str, shape)])
            raise ValueError(f"{what} must have the shape [{wanted}]; got {list(z.shape)}.")
        if tf.executing_eagerly() and z.dtype.is_floating and not np.isfinite(z).all():
            raise ValueError(f"{what} hold NaN or infinite values.")
        if tf.executing_eagerly() and z.dtype.is_integer and not np.all((np.asarray(z) >= 0) & (z < self.codes)):
            raise ValueError(f"Codes are whole numbers, 0 to {self.codes - 1}; got {np.min(z)} to {np.max(z)}.")
        return z

    # What latents are made of: "int32" for codes.
    latent_dtype = "float32"

    def embed(self, x: Any, batch_size: int = 512) -> Any:
        """Centres of the posteriors, their means: NumPy `[examples, latent]`, or a nest of such arrays.

        Args:
            x: data as `fit` takes them: arrays, or a data set.
            batch_size: examples encoded at a time.
        """
        return self._joined([centre(self.posterior_of(part)) for part in self.batches(x, batch_size)])

    def reconstruct(self, x: Any, batch_size: int = 512) -> Any:
        """What p(x|z) shows at the centres of the posteriors, its means: deterministic. Shaped as the data; a dict for
        multimodal models."""
        parts = [self.reconstruction(part) for part in self.batches(x, batch_size)]
        return tree.map_structure(lambda *tensors: tf.concat(tensors, axis=0), *parts)

    def reconstruction(self, batch: Batch) -> Any:
        """`reconstruct` of one batch."""
        return shown(self.likelihood_of(centre(self.posterior_of(batch)), batch))

    def sample(self, samples: int = 1, *, seed: int | None = None) -> Any:
        """What p(x|z) shows at draws of z from the prior, its means, `[samples, *event]`; a dict for multimodal models.

        For draws of x as well: `model.decode(z).sample()`.

        Args:
            samples: how many.
            seed: the same one gives the same samples; None: others at each call.
        """
        samples = self._checked_samples(samples)
        seed = self.seed_of(seed)
        return self.graph("sample", self._sample)(tf.constant(samples), seed)

    def _checked_samples(self, samples: int) -> int:
        """How many samples are asked of a built model, so many as memory holds."""
        samples = checks.whole("samples", samples)
        self.require_built()
        checks.held("samples", samples, self.example_bytes())
        return samples

    def _sample(self, samples, seed, changed=lambda prior: prior):
        return shown(self.likelihood_of(changed(self.prior_of()).sample(samples, seed=seed)))

    def traverse(self, x: Any, latent: int, values: Sequence[float] = VALUES) -> Any:
        """What p(x|z) shows with one latent set to each of `values`, the others at their posterior means; of unit
        vectors, at the direction of that.

        Returns:
            `[values, batch, *event]`; a dict for multimodal models.
        """
        self.require_built()
        shape = self.latent_shape()
        if not isinstance(shape, tuple) or len(shape) != 1 or self.latent_dtype == "int32":
            raise ValueError(
                f"{type(self).__name__} has no traversals: its latents are no vector of numbers. Try reconstruct or "
                "sample."
            )
        latent = checks.whole("latent", latent, 0, shape[0] - 1)
        values = checks.reals("values", values)
        (batch,) = self.batches(x)
        q = self.posterior_of(batch)
        z = centre(q)
        chosen = tf.one_hot(latent, shape[0], on_value=True, off_value=False, dtype=tf.bool)
        z = tf.stack([tf.where(chosen, value, z) for value in values])
        return shown(self.likelihood_of(nearest(q, z), batch))

    def adapt(self, x: Any, batch_size: int = 512, seed: int = 0, draws: int = 1, **options: Any) -> None:
        """Fits the prior to draws of the posteriors of `x`, all else unchanged, which lowers the rate: for priors that
        have `adapt`, "normal_mixture", "flow", "flow_matching", "noise_contrastive" and "resampled" (ex-post density
        estimation, Ghosh et al. 2020, section 4).

        Args:
            x: data as `fit` takes them: arrays, or a data set.
            batch_size: examples encoded at a time.
            seed: of the draws and of the fit.
            draws: of each posterior, at most 1,000.
            **options: of the prior's `adapt`: `iterations` of a mixture; `epochs`, `learning_rate` and `verbose` of one
                that is fitted by gradient.

        Raises:
            ValueError: the prior has nothing to fit.
            TypeError: no such option.
        """
        if not hasattr(self.prior, "adapt"):
            fitted = [name for name, kind in getattr(self, "priors", {}).items() if hasattr(kind, "adapt")]
            advice = f"Give prior= one of {fitted}." if fitted else f"No prior of a {type(self).__name__} can."
            raise ValueError(f"{type(self.prior).__name__} cannot be fitted to data. {advice}")
        taken = sorted(set(inspect.signature(self.prior.adapt).parameters) - {"z", "seed", "batch_size"})
        if unknown := sorted(set(options) - set(taken)):
            raise TypeError(f"adapt of {type(self.prior).__name__} takes no {unknown}; it takes {taken}.")
        seed, draws = checks.seed(seed, none=False), checks.whole("draws", draws, most=1000)
        found = []
        for index, part in enumerate(self.batches(x, batch_size)):
            q, each = self.posterior_of(part), fold_in(stateless(seed), index)
            z = np.asarray(self.given_prior(q.sample(*([draws] if draws > 1 else []), seed=each)))
            found.append(z.reshape(-1, z.shape[-1]))
        self.prior.adapt(np.concatenate(found), seed=seed, **options)

    def given_prior(self, z: Any) -> tf.Tensor:
        """The latents that `prior` is of, `[..., batch, latent]`: all."""
        return z

    def log_likelihood(
        self,
        x: Any,
        samples: int = 1000,
        batch_size: int = 100,
        chunk: int | None = None,
        seed: int | None = 0,
        progress: Callable[[int], Any] | None = None,
    ) -> np.ndarray:
        """Importance-weighted estimate of log p(x), nats, NumPy `[examples]`; the same for the same seed.

        Args:
            samples: draws of q(z|x) an example; the estimate rises with it towards log p(x).
            batch_size, chunk: examples and draws of each held in memory at a time. None: as many draws as make about
                2,000 of all these examples together, at least one of each; 200 where pixels depend on each other.
            progress: None, or a function called with the number of examples just done.

        Raises:
            ValueError: the posterior is a point, without a density.
        """
        self.require_density()
        samples = checks.whole("samples", samples)
        chunk, seed = checks.whole("chunk", chunk, none=True), checks.seed(seed)
        checks.function("progress", progress, none=True)
        self.require_built()
        batches = self.batches(x, batch_size)
        first = next(batches)  # what is refused draws no seed
        return self._scored(itertools.chain([first], batches), samples, chunk, self.seed_of(seed), progress)

    def _scored(self, batches: Iterable[Batch], samples, chunk, seed, progress):
        function = self.graph("log_likelihood", lambda: log_likelihood_function(self), made=True)
        likelihoods = checks.named(getattr(self, "likelihood", {})).values()
        decoded = min((part.decoded for part in likelihoods), default=Likelihood.decoded)
        results = []
        for index, part in enumerate(batches):
            at_a_time = chunk or draws_at_a_time(samples, examples(part.x), decoded)
            checks.held("chunk", min(at_a_time, samples), examples(part.x) * self.example_bytes())
            others = fold_in(seed, index), tf.constant(samples), tf.constant(min(at_a_time, samples))
            if not results:  # traced at once for batches of any size, or the last one would be traced again
                function.get_concrete_function(tree.map_structure(_of_any_size, part), *others)
            results.append(function(part, *others).numpy())
            if progress is not None:
                progress(len(results[-1]))
        return np.concatenate(results)

    def example_bytes(self) -> int:
        """Bytes of one example, of a built model."""
        shapes = getattr(self, "event_shapes", None) or {"": self.event_shape}
        return 4 * sum(math.prod(side or 1 for side in shape) for shape in shapes.values())

    def seed_of(self, seed: int | None) -> tf.Tensor:
        """Stateless seed of a verb's argument: another one at each call where it is None."""
        seed = checks.seed(seed)
        return self.next_seed() if seed is None else stateless(seed)

    def graph(self, name: str, make: Callable, made: bool = False) -> Callable:
        """A compiled function, kept from call to call for as long as no part of the model changes.

        Args:
            make: what is compiled; with `made`, a function that compiles.
        """
        with self._alone:
            state = [(part, _plain_attributes(part)) for part in (self, *self.layers)]
            kept = self._graphs.get(name)
            if kept is None or not _same(kept[0], state):
                function = make() if made else tf.function(make, autograph=False, reduce_retracing=True)
                self._graphs[name] = kept = (state, function)
            return kept[1]

    @staticmethod
    def _joined(parts):
        return tree.map_structure(lambda *arrays: np.concatenate(arrays), *parts)


def _of_any_size(part: Any) -> Any:
    return tf.TensorSpec([None, *part.shape[1:]], part.dtype) if tf.is_tensor(part) else part


def _plain_attributes(part: keras.layers.Layer) -> dict[str, Any]:
    """Attributes that are numbers, strings and the like: what compiled functions take for constants."""
    plain = (bool, int, float, str, tuple, type(None))
    return {name: value for name, value in vars(part).copy().items() if name[0] != "_" and isinstance(value, plain)}


def _same(first, second):
    return len(first) == len(second) and all(
        a is b and old == new for (a, old), (b, new) in zip(first, second, strict=True)
    )
