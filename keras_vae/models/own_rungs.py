"""Latents of a modality's own, on rungs below those that all modalities share."""

import functools
from typing import Any

import tensorflow as tf

from keras_vae.distributions import Joint
from keras_vae.models.chain import Chain
from keras_vae.parts import Rung


class OwnRungs:
    """What models of several modalities do with rungs, of which `rung_sizes` says how many each has. Latents are a dict
    then: "shared", and rungs named after their modality, "svhn1" the lowest of "svhn"."""

    def _rungs_of(self, name):
        """Names of a modality's rungs, the lowest first."""
        return [f"{name}{index + 1}" for index in range(len(self.rung_sizes.get(name, ())))]

    def add_rungs(self, name: str, features: list[tuple[int | None, ...]]) -> list[tuple[int | None, ...]]:
        """Makes a modality's rungs.

        Args:
            features: shapes of what its encoder says of each, batch included, and last of the shared latents.

        Returns:
            Shapes of what its decoder is given: the lowest rung and its state.
        """
        self.rungs[name] = [Rung(size, self.merge) for size in self.rung_sizes[name]]
        names = (*self._rungs_of(name), "shared")
        chain = Chain(names, self.rungs[name], self.top_down[name], (self.latent_size,), features)
        self.chain_of[name] = chain
        return [(None, *chain.shapes[names[0]]), chain.states[0]]

    def latent_shape(self) -> Any:
        shapes = {"shared": (self.latent_size,)}
        for chain in self.chain_of.values():
            shapes |= chain.shapes
        return shapes if self.chain_of else shapes["shared"]

    def prior_of(self, batch=None) -> Any:
        shared, below = super().prior_of(batch), {}
        for chain in self.chain_of.values():
            below |= chain.below("prior", lambda rung, index, state: rung.prior(state), batch)
        return Joint({"shared": shared, **below}) if below else shared

    def with_rungs(self, shared: Any, batch: Any, subsets: Any = None) -> Any:
        """The posterior of all latents, of that of the shared ones: rungs of what is not observed are at their prior.

        Args:
            shared: a TFP distribution, `[..., batch]`.
            subsets: None, or of which modalities the rungs are inferred, boolean `[views, batch or 1, modalities]`, in
                the order of the batch's; those of others are at their prior too.
        """
        parts = {"shared": shared}
        for name, chain in self.chain_of.items():
            known = batch.observed.get(name)
            if known is not None and subsets is not None:
                known &= subsets[..., list(batch.x).index(name)]
            parts |= chain.below("posterior", functools.partial(self._rung_posterior, name, batch, known), batch)
        return Joint(parts) if self.chain_of else shared

    def _rung_posterior(self, name, batch, known, rung, index, state):
        prior = rung.prior(state)
        if known is None:
            return prior
        own = rung.posterior(self.features(batch)[name][index], state)
        known = tf.reshape(known, tf.concat([tf.shape(known), [1] * rung.event_ndims], axis=0))
        return tuple(tf.where(known, mine, above) for mine, above in zip(own, prior, strict=True))

    def given_prior(self, z) -> Any:
        return z["shared"] if self.chain_of else z
