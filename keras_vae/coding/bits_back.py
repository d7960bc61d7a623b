"""Bits-back coding (Townsend et al. 2019): z is taken from the stack by q(z|x), x is put on it by p(x|z), then z by
p(z). What that adds is the free energy of one draw, in bits: log q(z|x) - log p(x|z) - log p(z).

Of a ladder, z are the latents of all rungs: taken from the top down, each by q given x and those above."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from keras_vae.coding import latents
from keras_vae.coding.fixed_point import to_grid
from keras_vae.coding.latents import NormalCoder, Normals
from keras_vae.coding.networks import ExactNetwork, exact_layer
from keras_vae.coding.observations import OBSERVATIONS
from keras_vae.coding.stack import BITS, Stack
from keras_vae.models.ladder_vae import LadderVAE
from keras_vae.models.vae import VAE
from keras_vae.parts import NormalPosterior, Rung, StandardNormalPrior
from keras_vae.parts.ladder import ONE, SMALLEST_SCALE

MOST = 255  # examples at a time
COUNT = struct.Struct("<I")
OWN = ("posterior_of", "prior_of", "likelihood_of")  # of a model, as they are coded here


class Top:
    """The latents that all others depend on, or the only ones: standard normal in the prior.

    Args:
        shape: of an example's latents.
        posterior: the model's.
        feature: which of the encoder's outputs it reads.
    """

    def __init__(self, shape: tuple[int, ...], posterior: NormalPosterior, feature: int) -> None:
        self.shape, self.feature, self.head = shape, feature, exact_layer(posterior.head, "posterior")

    def state(self, z, state) -> None:
        return None

    def prior(self, count: int, state: Any) -> Normals:
        return Normals.standard((count, *self.shape))

    def posterior(self, features: list[np.ndarray], prior: Normals, state: Any) -> Normals:
        return Normals.of(self.head(features[self.feature].reshape(len(prior.loc), -1)))


class Below:
    """Latents of a rung below the top, as `keras_vae.parts.Rung` has them.

    Args:
        shape: of an example's latents.
        rung: the model's.
        top_down: the network that makes its state.
        feature: which of the encoder's outputs it reads.
    """

    def __init__(self, shape: tuple[int, ...], rung: Rung, top_down: Any, feature: int) -> None:
        self.shape, self.feature, self.merge = shape, feature, rung.merge
        self.network = ExactNetwork(top_down, "top_down")
        self.prior_head, self.own_head = (exact_layer(head, "rung") for head in (rung.prior_head, rung.posterior_head))

    def state(self, z: np.ndarray, state: np.ndarray | None) -> np.ndarray:
        """What is above, `[batch, *places, width]`."""
        return self.network(z if state is None else [z, state])

    def prior(self, count: int, state: np.ndarray) -> Normals:
        return Normals.of(self.prior_head(state), ONE, SMALLEST_SCALE)

    def posterior(self, features: list[np.ndarray], prior: Normals, state: np.ndarray) -> Normals:
        seen = features[self.feature]
        if self.merge == "precision":
            return Normals.of(self.own_head(seen), ONE, SMALLEST_SCALE).merged(prior)
        own = Normals.of(self.own_head(np.concatenate([seen, state], axis=-1)), ONE, SMALLEST_SCALE)
        return own if self.merge == "free" else own.residual_to(prior)


class BitsBack:
    """What codes the data of a model.

    Args:
        model: a built `VAE` or `LadderVAE`, without a condition.

    Raises:
        ValueError: a prior, a posterior, a likelihood or a network that is not coded.
    """

    def __init__(self, model: Any) -> None:
        kind = LadderVAE if isinstance(model, LadderVAE) else VAE
        others = [vars(cls) for cls in type(model).__mro__ if cls not in kind.__mro__]
        own = any(name in defined for defined in others for name in OWN)
        if own or not isinstance(model, VAE) or model.takes_condition:
            raise ValueError(
                "compress codes by a VAE or a LadderVAE whose prior and posterior are normal, without a condition; "
                f"this is a {type(model).__name__}."
            )
        for name, part in {"prior": StandardNormalPrior, "posterior": NormalPosterior}.items():
            if type(getattr(model, name)) is not part:
                got = type(getattr(model, name)).__name__
                raise ValueError(f"compress codes with a {part.__name__}; the {name} here is a {got}.")
        if type(model.likelihood) not in OBSERVATIONS:
            known = ", ".join(sorted(part.__name__ for part in OBSERVATIONS))
            raise ValueError(
                f"compress codes discrete data, without loss, of one of {known}; the likelihood here is a "
                f"{type(model.likelihood).__name__}."
            )
        self.levels = list(_levels(model))  # the top first
        self.encoder, self.decoder = ExactNetwork(model.encoder, "encoder"), ExactNetwork(model.decoder, "decoder")
        self.observation = OBSERVATIONS[type(model.likelihood)](model.likelihood, model.event_shape)

    def most_bits(self) -> int:
        """How many bits of the stack an example's latents take, before what is left of them is given back."""
        return BITS * sum(int(np.prod(level.shape)) for level in self.levels)

    def seed_words(self) -> int:
        """As many 32-bit words as the first example takes, and some more."""
        return self.most_bits() // 32 + 64

    def features(self, symbols: np.ndarray) -> list[np.ndarray]:
        """What the encoder says of examples."""
        found = self.encoder(to_grid(self.observation.values(symbols)))
        return found if isinstance(found, list) else [found]

    def down(self, count: int, choose: Callable[[Any, Normals, Any], np.ndarray]) -> tuple[np.ndarray, list]:
        """The way from the top to the decoder.

        Args:
            choose: `(level, its prior, its state)` to the indices of its latents.

        Returns:
            What the decoder gives, and of each level `(level, prior, state, indices)`.
        """
        z, state, passed = None, None, []
        for level in self.levels:
            state = level.state(z, state)
            prior = level.prior(count, state)
            indices = choose(level, prior, state)
            z = prior.value(indices)
            passed.append((level, prior, state, indices))
        return self.decoder(z if state is None else [z, state]), passed

    def push(self, stack: Stack, symbols: np.ndarray) -> None:
        """Puts examples on the stack."""
        features = self.features(symbols)

        def taken(level, prior, state):
            return NormalCoder(level.posterior(features, prior, state), prior).pop(stack)

        parameters, passed = self.down(len(symbols), taken)
        self.observation.push(stack, symbols, parameters)
        for *_, indices in passed[::-1]:
            latents.push_prior(stack, indices)

    def pop(self, stack: Stack, count: int) -> np.ndarray:
        """The last `count` examples that were put there."""
        parameters, passed = self.down(count, lambda level, prior, state: latents.pop_prior(stack, prior.loc.size))
        symbols = self.observation.pop(stack, parameters)
        features = self.features(symbols)
        for level, prior, state, indices in passed[::-1]:
            NormalCoder(level.posterior(features, prior, state), prior).push(stack, indices)
        return symbols

    def encode(self, symbols: np.ndarray, progress: Callable[[int], Any] | None = None) -> bytes:
        """All examples, `[examples, *event]`, as bytes; `progress` is called with the number just done.

        Networks are computed of as many examples together as the stack can pay for by what those before them put there:
        one at first. The groups' sizes come first, a byte each, and their number before them.
        """
        stack, sizes = Stack(self.seed_words()), []
        while (start := sum(sizes)) < len(symbols):
            paid = stack.bits() // self.most_bits()
            sizes.append(min(max(paid, 1), MOST, len(symbols) - start))
            self.push(stack, symbols[start : start + sizes[-1]])
            if progress is not None:
                progress(sizes[-1])
        return COUNT.pack(len(sizes)) + bytes(sizes) + stack.to_bytes()

    def decode(self, stored: bytes, progress: Callable[[int], Any] | None = None) -> np.ndarray:
        """The examples again.

        Raises:
            ValueError: these are not bytes of this model.
        """
        (count,) = COUNT.unpack(stored[: COUNT.size])
        sizes, rest = stored[COUNT.size : COUNT.size + count], stored[COUNT.size + count :]
        stack, parts = Stack(self.seed_words(), rest), []
        for size in sizes[::-1]:
            parts.append(self.pop(stack, size))
            if progress is not None:
                progress(size)
        if not stack.is_seed():
            raise ValueError("what is left after decoding is not what coding started with")
        return np.concatenate(parts[::-1])


def _levels(model) -> Iterator[Any]:
    """A model's latents, the top first."""
    if not isinstance(model, LadderVAE):
        yield Top((model.latent_size,), model.posterior, 0)
        return
    shapes, last = [model.shapes[name] for name in model.names], len(model.names) - 1
    yield Top(shapes[last], model.posterior, last)
    for index in range(last - 1, -1, -1):
        yield Below(shapes[index], model.rungs[index], model.top_down[index], index)
