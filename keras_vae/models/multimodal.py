"""What multimodal models share: a network pair for each modality, missing modalities, translation."""

import keras
import numpy as np
import tensorflow as tf

from keras_vae.distributions import LIKELIHOODS, POSTERIORS, PRIORS, resolve
from keras_vae.models.base import LatentVariableModel
from keras_vae.models.inputs import Batch, assert_shape, assert_values
from keras_vae.models.parts import build_part, check_decoder, decode_with, known_shape
from keras_vae.networks import default_decoder, default_encoder

OBSERVED = "observed"


class MultimodalVAE(LatentVariableModel):
    """Base of models of several modalities, whose data are dicts of arrays by modality.

    A modality may be missing: leave out its key, or give `"observed": {modality: mask}` beside the data, with a
    boolean a row; what stands in unobserved rows is never read, NaN included.

    Args:
        encoders: networks by modality, `[batch, *event]` to features, with declared inputs. None: chosen from the data.
        decoders: networks by modality, `[batch, latent]` to likelihood parameters. None: chosen from the data.
        latent_size: number of latents, private ones included.
        likelihood: one for all modalities, or a dict by modality.
        private_latents: `{modality: count}` of latents that only this modality's encoder and decoder see
            (Lee & Pavlovic 2021, DMVAE); the others' come first and are shared. None: all are shared.
        modality_weights: `{modality: weight}` of the distortions in the objective, 1 where none is named. Variables:
            `model.modality_weights["svhn"].assign(0.5)`.
        **kwargs: `prior`, `posterior`, `beta`, `seed` of `LatentVariableModel`; `name` of `keras.Model`.
    """

    takes_dict = True

    def __init__(
        self,
        encoders=None,
        decoders=None,
        latent_size=20,
        likelihood="bernoulli",
        private_latents=None,
        modality_weights=None,
        **kwargs,
    ):
        super().__init__(latent_size, **kwargs)
        if (encoders is None) != (decoders is None) or set(encoders or ()) != set(decoders or ()):
            raise ValueError("Give encoders and decoders for the same modalities, or neither.")
        self.prior = self.resolve_prior()
        self.likelihood, self.private_latents, self.modality_weights = likelihood, private_latents, modality_weights
        self.encoders, self.decoders = None, None
        if encoders:
            self._set_parts(encoders, decoders)

    def resolve_prior(self):
        return resolve(self.prior, PRIORS, "prior", latent_size=self.latent_size)

    def _set_parts(self, encoders, decoders):
        """Strings to objects by modality, sorted, and networks last: Keras keys saved weights by this order."""
        self.modalities = tuple(sorted(encoders))
        if OBSERVED in self.modalities:
            raise ValueError(f"A modality cannot be called {OBSERVED!r}: that key holds the masks.")

        def by_modality(value, choices, what, **arguments):
            given = value if isinstance(value, dict) else dict.fromkeys(self.modalities, value)
            if set(given) != set(self.modalities):
                raise ValueError(f"The {what} must name the modalities {list(self.modalities)}; got {sorted(given)}.")
            return {name: resolve(given[name], choices, what, **arguments) for name in self.modalities}

        self.posterior = by_modality(self.posterior, POSTERIORS, "posterior", latent_size=self.latent_size)
        self.likelihood = by_modality(self.likelihood, LIKELIHOODS, "likelihood")
        weights = self.modality_weights or {}
        if set(weights) - set(self.modalities):
            raise ValueError(f"modality_weights must name some of {list(self.modalities)}; got {sorted(weights)}.")
        self.modality_weights = {
            name: keras.Variable(weights.get(name, 1.0), trainable=False, dtype="float32", name=f"weight_{name}")
            for name in self.modalities
        }
        self.encoders = {name: encoders[name] for name in self.modalities}
        self.decoders = {name: decoders[name] for name in self.modalities}
        self.term_names = (*type(self).term_names, *(f"distortion_{name}" for name in self.modalities))
        self.sees, self.private = self._latents_seen()

    def _latents_seen(self):
        """Which latents each modality sees: boolean `[modalities, latent]`, shared ones first, then private ones; and
        which are private: boolean `[latent]`."""
        private = self.private_latents or {}
        counts = list(private.values())
        if set(private) - set(self.modalities) or min(counts, default=0) < 0 or sum(counts) >= self.latent_size:
            raise ValueError(
                f"private_latents must be counts for some of {list(self.modalities)} and leave shared ones of the "
                f"{self.latent_size} latents; got {private}."
            )
        owner = np.full(self.latent_size, -1)
        end = self.latent_size
        for index, name in reversed(list(enumerate(self.modalities))):
            count = private.get(name, 0)
            owner[end - count : end] = index
            end -= count
        return (owner == -1) | (owner == np.arange(len(self.modalities))[:, None]), owner >= 0

    # --- building and inputs ------------------------------------------------------------------------------------

    def input_shape_known(self):
        return self.encoders and {name: known_shape(self.encoders[name]) for name in self.modalities}

    def build(self, input_shape):
        shapes = {name: shape for name, shape in input_shape.items() if name != OBSERVED}
        if self.encoders is None:
            events = {name: tuple(shapes[name][1:]) for name in sorted(shapes)}
            self._set_parts(*self._default_networks(events))
        self.event_shapes = {}
        for name in self.modalities:
            event = known_shape(self.encoders[name]) or shapes.get(name)
            if event is None:
                raise ValueError(f"The encoder of {name!r} must declare its input: keras.Input(shape).")
            self.event_shapes[name] = event = tuple(event[1:])
            build_part(self.encoders[name], (None, *event))
            build_part(self.decoders[name], (None, self.latent_size))
            build_part(self.posterior[name], self.encoders[name].compute_output_shape((None, *event)))
            build_part(self.likelihood[name], None)
            parameters_shape = self.likelihood[name].parameters_shape(event)
            check_decoder(self.decoders[name], (None, self.latent_size), parameters_shape, self.likelihood[name])
        super().build(input_shape)

    def _default_networks(self, events):
        given = self.likelihood if isinstance(self.likelihood, dict) else dict.fromkeys(events, self.likelihood)
        decoders = {}
        for name, event in events.items():
            parameters_shape = resolve(given[name], LIKELIHOODS, "likelihood").parameters_shape(event)
            decoders[name] = default_decoder(self.latent_size, event, parameters_shape)
        return {name: default_encoder(event) for name, event in events.items()}, decoders

    def to_batch(self, inputs):
        masks = inputs.get(OBSERVED, {})
        present = [name for name in self.modalities if name in inputs]
        unknown = (set(inputs) - {OBSERVED} - set(present)) | (set(masks) - set(present))
        if unknown:
            raise ValueError(
                f"Unknown modality, or a mask without its data: {sorted(unknown)}. "
                f"This model has {list(self.modalities)}."
            )
        if not present:
            raise ValueError(f"No modality is given; pass at least one of {list(self.modalities)}, or use sample().")
        x, observed = {}, {}
        for name in present:
            values = tf.cast(inputs[name], "float32")
            assert_shape(values, self.event_shapes[name], name)
            mask = tf.cast(masks[name], "bool") if name in masks else tf.ones(tf.shape(values)[:1], "bool")
            if mask.shape.rank != 1:
                raise ValueError(f"The mask of {name} must have the shape [batch]; got {list(mask.shape)}.")
            observed[name] = mask
            x[name] = tf.where(tf.reshape(mask, [-1] + [1] * len(self.event_shapes[name])), values, 0.0)
        return Batch(x, observed)

    def check(self, batch):
        for name, values in batch.x.items():
            assert_values(values, self.likelihood[name].support, name)

    # --- distributions ------------------------------------------------------------------------------------------

    def experts(self, batch):
        """Each present modality's own posterior: `{modality: (loc, scale)}`, `[batch, latent]` each."""
        return {name: self.posterior[name](self.encoders[name](x)) for name, x in batch.x.items()}

    def fuse(self, loc, scale, takes_part):
        """What a variant defines: one posterior of several experts.

        Args:
            loc, scale: of the experts, `[experts, 1, batch, latent]` each.
            takes_part: whether an expert does, boolean `[experts, subsets, batch, latent]`.

        Returns:
            `(loc, scale)`, `[subsets, batch, latent]` each.
        """
        raise NotImplementedError

    def fused(self, batch, subsets, keep_private):
        """`(loc, scale)`, `[subsets, batch, latent]` each, of the posteriors of boolean `[subsets, experts]`.

        Args:
            keep_private: whether a modality outside a subset still gives its private latents.
        """
        loc, scale = (tf.stack(parts)[:, None] for parts in zip(*self.experts(batch).values(), strict=True))
        sees = self.sees[[self.modalities.index(name) for name in batch.x]][:, None, None, :]
        takes_part = tf.transpose(subsets)[:, :, None, None]
        if keep_private:
            takes_part |= sees & self.private
        observed = tf.stack(list(batch.observed.values()))[:, None, :, None]
        return self.fuse(loc, scale, takes_part & observed & sees)

    def distribution(self, loc, scale):
        """Posterior of `(loc, scale)`, `[..., latent]`: a TFP distribution."""
        return self.posterior[self.modalities[0]].distribution(loc, scale)

    def decode(self, z):
        self._require_built()
        return {name: self.decode_modality(name, z) for name in self.modalities}

    def decode_modality(self, name, z):
        """p(x_m|z) of one modality, of latents `[..., latent]`: a TFP distribution."""
        if not self.sees.all():
            z = tf.where(self.sees[self.modalities.index(name)], z, 0.0)
        return decode_with(self.decoders[name], self.likelihood[name], z)

    def modality_log_prob(self, name, z, batch):
        """`log p(x_m|z)` in nats, `[..., batch]`; 0 where the modality is unobserved."""
        log_prob = self.decode_modality(name, z).log_prob(batch.x[name])
        return tf.where(batch.observed[name], log_prob, 0.0)

    def conditional_log_prob(self, z, batch):
        return tf.add_n([self.modality_log_prob(name, z, batch) for name in batch.x])

    # --- verbs --------------------------------------------------------------------------------------------------

    def translate(self, inputs, to=None, samples=None, seed=None, batch_size=512):
        """Cross generation: means of p(x_to|z) at draws of z from the posterior of the modalities given. Latents that
        none of these sees are drawn from the prior, given the rest.

        Args:
            inputs: dict of arrays, without the modalities to make, `[batch, *event]` each.
            to: the modality to make, or None for a dict of all that are not given.
            samples: None for one draw, `[batch, *event]`; a number for `[samples, batch, *event]`.
            seed: of the draws.
        """
        self._require_built()
        absent = [name for name in self.modalities if name not in inputs]
        if to is not None and to not in self.modalities:
            raise ValueError(f"Unknown modality {to!r}; this model has {list(self.modalities)}.")
        if not (to or absent):
            raise ValueError(f"All of {list(self.modalities)} are given: there is nothing to make. Name one by to=.")
        seed, parts, prior = self._seed(seed), [], self.prior_of()
        for index, batch in enumerate(self.batches(inputs, batch_size)):
            one = tf.random.experimental.stateless_fold_in(seed, index)
            z = self.encode(batch).sample(samples or 1, seed=one)
            if hasattr(prior, "complete"):
                known = self._informed(batch)
                for pattern in np.unique(known, axis=0):
                    alike = np.all(known == pattern, axis=1)[:, None]
                    z = z if pattern.all() else tf.where(alike, prior.complete(z, pattern, one + 1), z)
            parts.append({name: self.decode_modality(name, z).mean() for name in ([to] if to else absent)})
        made = {name: tf.concat([part[name] for part in parts], axis=1) for name in parts[0]}
        made = {name: value if samples else value[0] for name, value in made.items()}
        return made[to] if to else made

    def log_likelihood(self, x, samples=1000, *, given=None, progress=None, **kwargs):
        """As `LatentVariableModel.log_likelihood`: log p(x) of the modalities that x has; or, with some of them given,
        `log p(x_rest | x_given) = log p(x) - log p(x_given)`, nats, NumPy `[examples]`.

        Each of the two is estimated with the posterior of what it is of. Both rise with the samples, so the difference
        is no bound: take many.

        Args:
            x: dict of arrays, masks included. A row whose given modalities are unobserved has log p(x_rest).
            given: None, a modality or a tuple of them, which must leave at least one of x.
            samples, progress, **kwargs: of `LatentVariableModel.log_likelihood`; the progress is that of log p(x),
                which is estimated last.

        Raises:
            ValueError: an unknown modality, one that x does not have, or nothing left.
        """
        given = (given,) if isinstance(given, str) else tuple(given or ())
        if not given:
            return super().log_likelihood(x, samples, progress=progress, **kwargs)
        self._require_built()
        self._assert_structure(x)
        present = [name for name in self.modalities if name in x]
        if set(given) - set(present):
            raise ValueError(
                f"Unknown modality, or one that x does not have: {sorted(set(given) - set(present))}. "
                f"Of {list(self.modalities)}, x has {present}."
            )
        if set(given) == set(present):
            raise ValueError(f"All of {present} are given: nothing is left. Leave out of given= what is to be scored.")
        known = {name: x[name] for name in given}
        if OBSERVED in x:
            known[OBSERVED] = {name: mask for name, mask in x[OBSERVED].items() if name in given}
        marginal = super().log_likelihood(known, samples, **kwargs)
        return super().log_likelihood(x, samples, progress=progress, **kwargs) - marginal

    def _informed(self, batch):
        """Which latents some observed modality sees: boolean NumPy `[batch, latent]`."""
        seen = [np.asarray(batch.observed[name])[:, None] & self.sees[self.modalities.index(name)] for name in batch.x]
        return np.any(seen, axis=0)
