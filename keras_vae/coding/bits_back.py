"""Bits-back coding (Townsend et al. 2019): z is taken from the stack by q(z|x), x is put on it by p(x|z), then z by
p(z). What that adds is the free energy of one draw, in bits: log q(z|x) - log p(x|z) - log p(z)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from keras_vae.coding import fixed_point, latents
from keras_vae.coding.fixed_point import FINE, GRID, to_grid
from keras_vae.coding.latents import NormalCoder
from keras_vae.coding.networks import ExactNetwork, exact_layer
from keras_vae.coding.observations import OBSERVATIONS
from keras_vae.coding.stack import BITS, Stack
from keras_vae.models.vae import VAE
from keras_vae.parts import NormalPosterior, StandardNormalPrior

MOST = 256  # examples at a time
OWN = ("posterior_of", "prior_of", "likelihood_of")  # of a VAE, as they are coded here


class BitsBack:
    """What codes the data of a model.

    Args:
        model: a built VAE of one vector of latents, without a condition.

    Raises:
        ValueError: a prior, a posterior, a likelihood or a network that is not coded.
    """

    def __init__(self, model: Any) -> None:
        if any(getattr(type(model), name) is not getattr(VAE, name) for name in OWN) or model.takes_condition:
            raise ValueError(
                f"compress codes by a VAE with one vector of latents, without a condition; this is a "
                f"{type(model).__name__}."
            )
        for name, kind in {"prior": StandardNormalPrior, "posterior": NormalPosterior}.items():
            part = getattr(model, name)
            if type(part) is not kind:
                raise ValueError(f"compress codes with a {kind.__name__}; the {name} here is a {type(part).__name__}.")
        if type(model.likelihood) not in OBSERVATIONS:
            known = ", ".join(sorted(kind.__name__ for kind in OBSERVATIONS))
            raise ValueError(
                f"compress is lossless and takes discrete data, of one of {known}; the likelihood here is a "
                f"{type(model.likelihood).__name__}."
            )
        self.latent_size = model.latent_size
        self.encoder, self.decoder = ExactNetwork(model.encoder, "encoder"), ExactNetwork(model.decoder, "decoder")
        self.head = exact_layer(model.posterior.head, "posterior")
        self.observation = OBSERVATIONS[type(model.likelihood)](model.likelihood, model.event_shape)

    def seed_words(self) -> int:
        """More than the largest group takes before it gives: 32-bit words."""
        return MOST * self.latent_size * BITS // 32 + 64

    def groups(self, count: int) -> list[slice]:
        """Examples whose networks are computed together: few at first, where the seed has to pay for all of them."""
        found, start = [], 0
        while start < count:
            size = min(1 + start // 8, MOST, count - start)
            found.append(slice(start, start + size))
            start += size
        return found

    def posterior(self, x: np.ndarray) -> NormalCoder:
        """q(z|x) of examples, all their latents in one row."""
        raw = self.head(self.encoder(to_grid(x)).reshape(len(x), -1))
        loc, scale = (np.asarray(part, "int64").ravel() for part in np.split(raw, 2, axis=-1))
        scale = fixed_point.interpolated(fixed_point.softplus_table(), scale, GRID)
        return NormalCoder(loc << (FINE - GRID), scale)

    def parameters(self, indices: np.ndarray) -> np.ndarray:
        """What the decoder makes of latents."""
        return self.decoder(latents.value(indices).reshape(-1, self.latent_size))

    def push(self, stack: Stack, symbols: np.ndarray) -> None:
        """Puts examples on the stack."""
        indices = self.posterior(self.observation.values(symbols)).pop(stack)
        self.observation.push(stack, symbols, self.parameters(indices))
        latents.push_prior(stack, indices)

    def pop(self, stack: Stack, count: int) -> np.ndarray:
        """The last `count` examples that were put there."""
        indices = latents.pop_prior(stack, count * self.latent_size)
        symbols = self.observation.pop(stack, self.parameters(indices))
        self.posterior(self.observation.values(symbols)).push(stack, indices)
        return symbols

    def encode(self, symbols: np.ndarray, progress: Callable[[int], Any] | None = None) -> bytes:
        """All examples, `[examples, *event]`, as bytes; `progress` is called with the number just done."""
        stack = Stack(self.seed_words())
        for group in self.groups(len(symbols)):
            self.push(stack, symbols[group])
            if progress is not None:
                progress(group.stop - group.start)
        return stack.to_bytes()

    def decode(self, stored: bytes, count: int, progress: Callable[[int], Any] | None = None) -> np.ndarray:
        """The examples again.

        Raises:
            ValueError: these are not the bytes of so many examples of this model.
        """
        stack, parts = Stack(self.seed_words(), stored), []
        for group in self.groups(count)[::-1]:
            parts.append(self.pop(stack, group.stop - group.start))
            if progress is not None:
                progress(group.stop - group.start)
        if not stack.is_seed():
            raise ValueError("what is left after decoding is not what coding started with")
        return np.concatenate(parts[::-1])
