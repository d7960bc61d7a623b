"""What multimodal models share: a network pair for each modality, missing modalities, translation."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import tree

from keras_vae import checks
from keras_vae.distributions import Joint, shown
from keras_vae.models.base import LatentVariableModel
from keras_vae.models.chain import NO_BATCH
from keras_vae.models.inputs import OBSERVED, ByModality
from keras_vae.models.own_rungs import OwnRungs
from keras_vae.models.verbs import MultimodalVerbs
from keras_vae.networks import (
    Networks,
    built,
    default_decoder,
    default_encoder,
    dense_decoder,
    dense_ladder_encoder,
    dense_top_down,
    folded,
    known_shape,
    network,
    output_shapes,
)
from keras_vae.parts import LIKELIHOODS, POSTERIORS, PRIORS, Likelihood, LocationScalePosterior, Prior, resolve
from keras_vae.parts.ladder import MERGES

# Experts are fused by their locations and scales
FUSED = {name: cls for name, cls in POSTERIORS.items() if issubclass(cls, LocationScalePosterior)}
OF_POSTERIORS = (FUSED, LocationScalePosterior, "posterior")
OF_LIKELIHOODS = (LIKELIHOODS, Likelihood, "likelihood")


def _networks(name, values):
    parts = checks.instance(name, values, (list, tuple), "a list of networks")
    return [network(f"each of {name}", part, False) for part in parts]


class MultimodalVAE(OwnRungs, MultimodalVerbs, LatentVariableModel):
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
        rung_sizes: `{modality: counts}` of latents of a modality's own that stand below the shared ones, given these in
            prior and posterior: counts of its rungs, the lowest first, in each place where there are several. Its
            encoder then makes a list of features, one a rung and last those of the shared latents; its decoder takes
            `[lowest rung, state]`, as in `LadderVAE`. Latents are a dict: "shared", and "svhn1", ... of a modality
            "svhn". None: no rungs.
        top_down: `{modality: networks}` that make the state of each of its rungs, as in `LadderVAE`.
        merge: of the rungs' posteriors, as `keras_vae.parts.Rung` has it.
        infer_absent: whether in training the rungs of a modality outside a subset are inferred from it, where the
            subset's draws are to explain it. If not they are drawn from their prior, and nothing but the shared latents
            can tell of it: MMVAE+'s way (Palumbo et al. 2023), with priors given the shared latents.
        modality_weights: `{modality: weight}` of the distortions in the objective, 1 where none is named. Variables:
            `model.modality_weights["svhn"].assign(0.5)`.
        prior: "standard_normal", "laplace", "normal_mixture", or an object of `keras_vae.parts`.
        posterior: "normal", "laplace", an object of `keras_vae.parts`, or a dict of them by modality.
        **kwargs: `objective`, `beta`, `seed` of `LatentVariableModel`; `name` of `keras.Model`.
    """

    takes_modalities = True
    form = ByModality()
    priors: dict[str, type] = PRIORS
    prior_kind: type[Prior] = Prior

    def __init__(
        self,
        encoders: Networks = None,
        decoders: Networks = None,
        latent_size: int = 20,
        likelihood: Any = "bernoulli",
        private_latents: dict[str, int] | None = None,
        rung_sizes: dict[str, Sequence[int]] | None = None,
        top_down: dict[str, Sequence[keras.layers.Layer]] | None = None,
        merge: str = "precision",
        infer_absent: bool = True,
        modality_weights: dict[str, float] | None = None,
        prior: Any = "standard_normal",
        posterior: Any = "normal",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.latent_size = checks.whole("latent_size", latent_size)
        encoders = checks.by_name("encoders", encoders, network, False) or None
        decoders = checks.by_name("decoders", decoders, network, False) or None
        if set(encoders or ()) != set(decoders or ()):
            raise ValueError("Give encoders and decoders for the same modalities, or neither.")
        self.prior = resolve(prior, self.priors, self.prior_kind, "prior", latent_size=self.latent_size)
        for value, arguments in ((posterior, OF_POSTERIORS), (likelihood, OF_LIKELIHOODS)):
            for part in checks.named(value).values():
                resolve(part, *arguments, latent_size=self.latent_size)
        self.posterior, self.likelihood = posterior, likelihood
        self.check_parts()
        self.private_latents = checks.by_name("private_latents", private_latents, checks.whole, 0)
        self.modality_weights = checks.by_name("modality_weights", modality_weights, checks.number, 0.0)
        self.rung_sizes = checks.by_name("rung_sizes", rung_sizes, checks.sizes, 1)
        top_down = checks.by_name("top_down", top_down, _networks)
        self.merge, self.infer_absent = checks.choice("merge", merge, MERGES), checks.flag("infer_absent", infer_absent)
        if self.rung_sizes and sum(self.private_latents.values()):
            raise ValueError("Give modalities latents of their own by private_latents or by rung_sizes, not by both.")
        given = {name: len(counts) for name, counts in self.rung_sizes.items()} if encoders else {}
        if (counts := {name: len(parts) for name, parts in top_down.items()}) != given:
            raise ValueError(f"top_down must be networks by modality, one a rung, {given}; got {counts}.")
        self.encoders, self.decoders, self.top_down, self.rungs, self.chain_of = None, None, None, {}, {}
        if encoders:
            self._set_parts(encoders, decoders, top_down)

    @property
    def distortion_weights(self) -> dict[str, keras.Variable]:
        return self.modality_weights

    def _set_parts(self, encoders, decoders, top_down):
        """Strings to objects by modality, sorted, and networks last: Keras keys saved weights by this order."""
        self.modalities = tuple(sorted(encoders))
        if OBSERVED in self.modalities:
            raise ValueError(f"A modality cannot be called {OBSERVED!r}: that key holds the masks.")
        self.posterior = self._by_modality(self.posterior, *OF_POSTERIORS)
        self.likelihood = self._by_modality(self.likelihood, *OF_LIKELIHOODS)
        weights = self.modality_weights
        if set(weights) - set(self.modalities):
            raise ValueError(f"modality_weights must name some of {list(self.modalities)}; got {sorted(weights)}.")
        self.modality_weights = {
            name: keras.Variable(weights.get(name, 1.0), trainable=False, dtype="float32", name=f"weight_{name}")
            for name in self.modalities
        }
        self.encoders = {name: encoders[name] for name in self.modalities}
        self.decoders = {name: decoders[name] for name in self.modalities}
        self.top_down = {name: top_down[name] for name in self.modalities if name in top_down}
        if set(self.rung_sizes) - set(self.modalities):
            raise ValueError(f"rung_sizes must name some of {list(self.modalities)}; got {sorted(self.rung_sizes)}.")
        self.term_names = (*self.term_names, *(f"distortion_{name}" for name in self.modalities))
        if self.rung_sizes:
            of_rungs = [rung for name in self.modalities for rung in self._rungs_of(name)]
            self.term_names = (*self.term_names, *(f"rate_{name}" for name in ("shared", *of_rungs)))
        self.sees, self.private = self._latents_seen()

    def _by_modality(self, value, choices, kind, what):
        given = value if isinstance(value, dict) else dict.fromkeys(self.modalities, value)
        if set(given) != set(self.modalities):
            raise ValueError(f"The {what} must name the modalities {list(self.modalities)}; got {sorted(given)}.")
        arguments = {"latent_size": self.latent_size}
        return {name: resolve(given[name], choices, kind, what, **arguments) for name in self.modalities}

    def _latents_seen(self):
        """Which latents each modality sees: boolean `[modalities, latent]`, shared ones first, then private ones; and
        which are private: boolean `[latent]`."""
        private = self.private_latents
        if set(private) - set(self.modalities) or sum(private.values()) >= self.latent_size:
            raise ValueError(
                f"private_latents must be counts for some of {list(self.modalities)} and leave shared ones of the "
                f"{self.latent_size} latents; got {dict(private)}."
            )
        shared = self.latent_size - sum(private.values())
        counts = [shared, *(private.get(name, 0) for name in self.modalities)]
        owner = np.repeat(np.arange(-1, len(self.modalities)), counts)
        return (owner == -1) | (owner == np.arange(len(self.modalities))[:, None]), owner >= 0

    def build(self, input_shape):
        shapes = {name: shape for name, shape in input_shape.items() if name != OBSERVED}
        if self.encoders is None:
            self._set_parts(*self._default_networks({name: tuple(shapes[name][1:]) for name in sorted(shapes)}))
        self.event_shapes = {}
        for name in self.modalities:
            event = known_shape(self.encoders[name]) or shapes.get(name)
            if event is None:
                raise ValueError(f"The encoder of {name!r} must declare its input: keras.Input(shape).")
            self.event_shapes[name] = event = tuple(event[1:])
            count = 1 + len(self.rung_sizes.get(name, ()))
            features = output_shapes(f"encoder of {name!r}", self.encoders[name], (None, *event), count)
            decoded = self.add_rungs(name, features) if count > 1 else (None, self.latent_size)
            self.likelihood[name].check(self.decoders[name], decoded, event, name)
            built(self.posterior[name], features[-1])
            built(self.likelihood[name], (None, *event))
        super().build(input_shape)

    def _default_networks(self, events):
        self.modalities = tuple(events)
        likelihoods = self._by_modality(self.likelihood, *OF_LIKELIHOODS)
        encoders, decoders, top_down = {}, {}, {}
        for name, event in events.items():
            parameters = likelihoods[name].parameters_shape(event)
            if name not in self.rung_sizes:
                encoders[name] = default_encoder(event)
                decoders[name] = default_decoder(self.latent_size, event, parameters)
                continue
            sizes = (*self.rung_sizes[name], self.latent_size)
            widths = tuple(max(64, 4 * size) for size in sizes)
            state = (widths[0],)
            encoders[name], top_down[name] = dense_ladder_encoder(event, widths), dense_top_down(sizes, widths)
            decoders[name] = dense_decoder(sizes[0], parameters, 2 * state, "elu", condition_shape=state)
        return encoders, decoders, top_down

    # --- distributions ------------------------------------------------------------------------------------------

    def features(self, batch: Any) -> dict[str, list[tf.Tensor]]:
        """What the encoders of the modalities that are there say: a list, for each rung, and last for the shared
        latents."""

        def found(*_):
            return {name: tree.flatten(self.encoders[name](x, training=batch.training)) for name, x in batch.x.items()}

        return batch.once("features", list(batch.x.values()), found)

    def experts(self, batch: Any) -> dict[str, tuple[tf.Tensor, tf.Tensor]]:
        """Each present modality's own posterior: `{modality: (loc, scale)}`, `[batch, latent]` each."""

        def found(*_):
            return {name: self.posterior[name](parts[-1]) for name, parts in self.features(batch).items()}

        return batch.once("experts", list(batch.x.values()), found)

    def fuse(self, loc: tf.Tensor, scale: tf.Tensor, takes_part: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """What a variant defines: one posterior of several experts.

        Args:
            loc, scale: of the experts, `[experts, 1, batch, latent]` each.
            takes_part: whether an expert does, boolean `[experts, subsets, batch, latent]`.

        Returns:
            `(loc, scale)`, `[subsets, batch, latent]` each.
        """
        raise NotImplementedError

    def fused(self, batch: Any, subsets: Any, keep_private: bool) -> tuple[tf.Tensor, tf.Tensor]:
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

    def family(self, loc: tf.Tensor, scale: tf.Tensor) -> Any:
        """Posterior of `(loc, scale)`, `[..., latent]`: a TFP distribution."""
        return self.posterior[self.modalities[0]].family(loc, scale)

    def likelihood_of(self, z, batch=None) -> Any:
        parts = {name: self.decode_modality(name, z, batch or NO_BATCH) for name in self.modalities}
        return Joint(parts, batch and batch.observed)

    def decode_modality(self, name: str, z: Any, batch: Any = NO_BATCH) -> Any:
        """p(x_m|z) of one modality, of latents `[..., latent]`, or a dict of them: a TFP distribution."""
        if name in self.chain_of:
            chain = self.chain_of[name]
            lowest, state = chain.names[0], chain.state(0, z, batch)
            parameters = chain.down(self.decoders[name], lowest, z[lowest], state, batch.training)
            ndims = len(z[lowest].shape) - len(chain.shapes[lowest])
        else:
            z = self.given_prior(z)
            if not self.sees.all():
                z = tf.where(self.sees[self.modalities.index(name)], z, 0.0)
            parameters, ndims = folded(self.decoders[name], [z], [len(z.shape) - 1], batch.training)
        return self.likelihood[name].distribution(parameters, batch_ndims=ndims)

    def explain(self, z, batch, inference) -> Any:
        """Distortions by modality, those of `batch` alone being decoded; 0 where unobserved or absent."""
        parts = {name: self.decode_modality(name, z, batch) for name in batch.x}
        found = Joint(parts, batch.observed).log_probs(batch.x)
        zeros = tf.zeros_like(next(iter(found.values())))
        distortions = {name: -found[name] if name in found else zeros for name in self.modalities}
        return distortions, {name: shown(part) for name, part in parts.items()}
