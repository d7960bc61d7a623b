"""What users do with a ladder of latents besides: look at it rung by rung."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
from keras import tree

from keras_vae import checks
from keras_vae.distributions import centre, cooled, nearest, shown
from keras_vae.models.verbs.general import VALUES, Verbs


class LadderVerbs(Verbs):
    """The verbs of ladders, whose latents are dicts by rung, "z1" nearest to the data."""

    def sample(self, samples: int = 1, *, seed: int | None = None, temperature: Any = 1.0) -> Any:
        """As `Verbs.sample`; below a temperature of 1 draws keep nearer to their means, those of a mixture to their
        component's, which flatters pictures: say so beside them.

        Args:
            temperature: factor of the scale of each rung, above 0, or a dict of them by rung; rungs that it leaves out
                have 1.

        Raises:
            TypeError, ValueError: of no rung, or no such number.
        """
        if not isinstance(temperature, Mapping):
            temperature = dict.fromkeys(self.names, temperature)
        for name in temperature:
            checks.choice("rung", name, self.names)
        factors = checks.by_name("temperature", temperature, checks.number)
        for name, factor in factors.items():
            checks.number(f"temperature of {name!r}", factor, above=0.0)
        if all(factor == 1.0 for factor in factors.values()):
            return super().sample(samples, seed=seed)
        samples = self._checked_samples(samples)
        return self._sample(samples, self.seed_of(seed), lambda prior: cooled(prior, factors))

    def given_prior(self, z):
        return z[self.names[-1]]

    def reconstruct(self, x: Any, batch_size: int = 512, *, rungs: int | None = None) -> Any:
        """As `Verbs.reconstruct`, of the top rungs alone: those below are at the prior's means given them.

        Args:
            rungs: how many rungs, from the top, are taken from x; None: all.
        """
        count = len(self.names)
        rungs = checks.whole("rungs", rungs, most=count, none=True)
        if rungs in (None, count):
            return super().reconstruct(x, batch_size)
        parts = []
        for batch in self.batches(x, batch_size):
            z = centre(self.posterior_of(batch))
            parts.append(self._shown_of({name: z[name] for name in self.names[count - rungs :]}))
        return tree.map_structure(lambda *tensors: tf.concat(tensors, axis=0), *parts)

    def traverse(self, x: Any, latent: int, values: Sequence[float] = VALUES, *, rung: str | None = None) -> Any:
        """What p(x|z) shows with one latent of a rung set to each of `values`: the rungs above at their posterior
        means, those below at the prior's means given these.

        Args:
            rung: its name; None: the top one.

        Returns:
            `[values, batch, *event]`.
        """
        self.require_built()
        rung = self.names[-1] if rung is None else checks.choice("rung", rung, self.names)
        if len(self.shapes[rung]) != 1:
            raise ValueError(f"The latents of {rung} are no vector, but {list(self.shapes[rung])}: name another rung.")
        latent = checks.whole("latent", latent, 0, self.shapes[rung][0] - 1)
        values = checks.reals("values", values)
        (batch,) = self.batches(x)
        q = self.posterior_of(batch)
        z = centre(q)
        known = {name: z[name] for name in self.names[self.names.index(rung) :]}
        chosen = tf.one_hot(latent, self.shapes[rung][0], on_value=True, off_value=False, dtype=tf.bool)
        known[rung] = nearest(q.at(rung, z), tf.stack([tf.where(chosen, value, known[rung]) for value in values]))
        return self._shown_of(known)

    def _shown_of(self, known):
        """What p(x|z) shows at some latents, and at the prior's means given them."""
        z = self.prior_of().walk(lambda name, p: known[name] if name in known else centre(p))
        return shown(self.likelihood_of(z))
