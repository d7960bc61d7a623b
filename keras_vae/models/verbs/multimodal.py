"""What users do with a model of several modalities besides: translate, and score some given others."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from keras_vae import checks
from keras_vae.distributions import shown
from keras_vae.distributions.seeds import fold_in
from keras_vae.models.inputs import Batch, examples
from keras_vae.models.verbs.general import Verbs


class MultimodalVerbs(Verbs):
    """The verbs of models whose data are dicts by modality."""

    def translate(
        self,
        inputs: dict[str, Any],
        to: str | None = None,
        samples: int | None = None,
        seed: int | None = None,
        batch_size: int = 512,
    ) -> Any:
        """Cross generation: means of p(x_to|z) at draws of z from the posterior of the modalities given. Latents that
        none of these sees are drawn from the prior, given the rest.

        Args:
            inputs: dict of arrays, without the modalities to make, `[batch, *event]` each.
            to: the modality to make, or None for a dict of all that are not given.
            samples: None for one draw, `[batch, *event]`; a number for `[samples, batch, *event]`.
            seed: of the draws.
        """
        samples, seed = checks.whole("samples", samples, none=True), checks.seed(seed)
        self.require_built()
        wanted = None if to is None else [checks.choice("modality", to, self.modalities)]
        parts, prior, first = [], self.prior_of(), None
        for index, batch in enumerate(self.batches(inputs, batch_size)):
            checks.held("samples", samples or 1, examples(batch.x) * self.example_bytes())
            absent = wanted or [name for name in self.modalities if name not in batch.x]
            if not absent:
                raise ValueError(
                    f"All of {list(self.modalities)} are given: there is nothing to make. Name one by to=."
                )
            first = self.seed_of(seed) if first is None else first  # what is refused draws no seed
            one = fold_in(first, index)
            z = self.posterior_of(batch).sample(samples or 1, seed=one)
            if hasattr(prior, "complete"):
                known = self._informed(batch)
                for pattern in np.unique(known, axis=0):
                    alike = np.all(known == pattern, axis=1)[:, None]
                    z = z if pattern.all() else tf.where(alike, prior.complete(z, pattern, one + 1), z)
            parts.append({name: shown(self.decode_modality(name, z)) for name in absent})
        made = {name: tf.concat([part[name] for part in parts], axis=1) for name in parts[0]}
        made = {name: value if samples else value[0] for name, value in made.items()}
        return made[to] if to else made

    def log_likelihood(
        self,
        x: Any,
        samples: int = 1000,
        batch_size: int = 100,
        chunk: int | None = None,
        seed: int | None = 0,
        progress: Callable[[int], Any] | None = None,
        *,
        given: str | tuple[str, ...] | None = None,
    ) -> np.ndarray:
        """As `Verbs.log_likelihood`: log p(x) of the modalities that x has; or, with some of them given,
        `log p(x_rest | x_given) = log p(x) - log p(x_given)`, nats, NumPy `[examples]`.

        Each of the two is estimated with the posterior of what it is of. Both rise with the samples, so the difference
        is no bound: take many.

        Args:
            x: data, masks included. A row whose given modalities are unobserved has log p(x_rest).
            samples, batch_size, chunk, seed: of `Verbs.log_likelihood`.
            progress: that of log p(x), which is estimated last.
            given: None, a modality or a tuple of them, which must leave at least one of x.

        Raises:
            ValueError: an unknown modality, one that x does not have, or nothing left.
        """
        whole = super().log_likelihood
        options = {"samples": samples, "batch_size": batch_size, "chunk": chunk, "seed": seed}
        given = () if given is None else (given,) if isinstance(given, str) else given
        for name in checks.instance("given", given, (tuple, list), "a modality, a tuple of them, or None"):
            checks.choice("modality", name, self.modalities)
        if not given:
            return whole(x, **options, progress=progress)
        self.require_built()
        batches = [self._given(batch, given) for batch in self.batches(x, batch_size)]
        samples = checks.whole("samples", samples)
        chunk = checks.whole("chunk", chunk, none=True)
        marginal = self._scored(batches, samples, chunk, self.seed_of(seed), None)
        return whole(x, **options, progress=progress) - marginal

    def _given(self, batch: Batch, given: tuple[str, ...]) -> Batch:
        """The batch with these modalities alone."""
        present = list(batch.x)
        if set(given) - set(present):
            raise ValueError(
                f"Unknown modality, or one that x does not have: {sorted(set(given) - set(present))}. "
                f"Of {list(self.modalities)}, x has {present}."
            )
        if set(given) == set(present):
            raise ValueError(f"All of {present} are given: nothing is left. Leave out of given= what is to be scored.")
        return batch._replace(
            **{
                field: {name: part for name, part in getattr(batch, field).items() if name in given}
                for field in ("x", "observed")
            }
        )

    def _informed(self, batch):
        """Which latents some observed modality sees: boolean NumPy `[batch, latent]`."""
        seen = [np.asarray(batch.observed[name])[:, None] & self.sees[self.modalities.index(name)] for name in batch.x]
        return np.any(seen, axis=0)
