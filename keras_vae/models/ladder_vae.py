"""The VAE with a ladder of latents (Sonderby et al. 2016)."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import tree

from keras_vae import checks, networks
from keras_vae.distributions import Joint
from keras_vae.models.chain import NO_BATCH, Chain
from keras_vae.models.vae import VAE
from keras_vae.models.verbs.ladder import LadderVerbs
from keras_vae.parts import Rung
from keras_vae.parts.ladder import MERGES


@keras.saving.register_keras_serializable("keras_vae")
class LadderVAE(LadderVerbs, VAE):
    """A VAE whose latents stand on rungs, each given those above: `p(z) = p(z_L) prod_l p(z_l|z_>l)`. The encoder makes
    features for every rung; the posterior `q(z_l|z_>l, x)` shares the way down with the prior (Sonderby et al. 2016,
    section 2.2).

    Latents are dicts by rung, "z1" nearest to the data. Each rung's rate is measured: `rate_z1` and so on.

    Formula:
        `E_q[-log p(x|z)] + beta sum_l E_q KL(q(z_l|z_>l, x) || p(z_l|z_>l))`

    When to use:
        When one layer of latents is too simple a prior: a ladder reaches better likelihoods, and its upper rungs hold
        what is global. Upper rungs fall silent first: raise beta by `keras_vae.callbacks.WarmUp`, or leave each rung
        some free bits, `objective=keras_vae.objectives.FreeBits(0.5)`, not both at full strength.

    Example:
        >>> import keras_vae
        >>> x, _ = keras_vae.data.digits("train")
        >>> model = keras_vae.LadderVAE(latent_sizes=(16, 4))
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=3)
        >>> z = model.embed(x)  # {"z2": [1500, 4], "z1": [1500, 16]}
        >>> rough = model.reconstruct(x[:5], rungs=1)  # [5, 8, 8, 1], of the top rung alone

    Args:
        encoder: network from x to a list of features, one a rung, the lowest first. None: dense, of `widths`. Those for
            latents in places come from `residual_ladder_encoder` and its companions in `keras_vae.networks`.
        decoder: network from `[z1, state]`, or from z1 where there is one rung, to likelihood parameters. None: dense.
        top_down: networks that make the state of each rung but the top one, the lowest first, of the latents above and
            of their state, `[z, state]`; of z alone below the top. None: dense.
        latent_sizes: numbers of latents of the rungs, in each place where there are several, the lowest first.
        widths: of the dense networks, two layers for each rung. None: four times the number of latents, at least 64.
        merge: "precision", "residual" or "free", as `keras_vae.parts.Rung` has it.
        prior, posterior: of the top rung, as in `VAE`.
        **kwargs: further arguments of `VAE`.
    """

    shorthands = (*VAE.shorthands, "latent_size")  # that of the top rung

    def __init__(
        self,
        encoder: networks.Network = None,
        decoder: networks.Network = None,
        top_down: Sequence[keras.layers.Layer] | None = None,
        latent_sizes: Sequence[int] = (32, 8),
        widths: Sequence[int] | None = None,
        merge: str = "precision",
        **kwargs: Any,
    ) -> None:
        if "latent_size" in kwargs:
            raise TypeError("A LadderVAE takes latent_sizes, one a rung, the lowest first; got latent_size.")
        latent_sizes = checks.sizes("latent_sizes", latent_sizes, fewest=1)
        super().__init__(encoder, decoder, latent_sizes[-1], **kwargs)
        self.latent_sizes, self.merge = latent_sizes, checks.choice("merge", merge, MERGES)
        self.widths = checks.sizes("widths", widths, none=True)
        if self.widths is not None and len(self.widths) != len(latent_sizes):
            raise ValueError(f"widths must be {len(latent_sizes)}, one a rung; got {self.widths}.")
        given = checks.instance("top_down", () if top_down is None else top_down, (list, tuple), "a list of networks")
        if encoder is None and given:
            raise ValueError("Give all of encoder, top_down and decoder, or none.")
        if encoder is not None and len(given) != len(latent_sizes) - 1:
            raise ValueError(
                f"top_down must be {len(latent_sizes) - 1} networks, one a rung but the top; got {len(given)}."
            )
        self.top_down = [networks.network("each of top_down", part, False) for part in given]
        self.names = tuple(f"z{rung + 1}" for rung in range(len(latent_sizes)))
        self.term_names = (*self.term_names, *(f"rate_{name}" for name in self.names))

    def build(self, input_shape):
        event = self.event_shape = tuple(input_shape[1:])
        if self.encoder is None:
            widths = self.widths or tuple(max(64, 4 * size) for size in self.latent_sizes)
            state = (widths[0],) if len(widths) > 1 else None
            parameters = self.likelihood.parameters_shape(event), (widths[0],) * 2, "elu"
            # In the order of the constructor: Keras keys saved weights by it.
            self.encoder = networks.dense_ladder_encoder(event, widths)
            self.decoder = networks.dense_decoder(self.latent_sizes[0], *parameters, condition_shape=state)
            self.top_down = networks.dense_top_down(self.latent_sizes, widths)
        features = networks.output_shapes("encoder", self.encoder, (None, *event), len(self.names))
        self.rungs = [Rung(size, self.merge) for size in self.latent_sizes[:-1]]
        self.chain = Chain(self.names, self.rungs, self.top_down, self.latent_sizes[-1:], features)
        self.shapes, states = self.chain.shapes, self.chain.states
        lowest = (None, *self.shapes["z1"])
        self.likelihood.check(self.decoder, [lowest, states[0]] if states else lowest, event)
        networks.built(self.posterior, features[-1])
        networks.built(self.likelihood, (None, *event))
        super(VAE, self).build(input_shape)  # networks of one layer of latents are none of these

    def latent_shape(self) -> Any:
        return dict(self.shapes)

    def prior_of(self, batch=None) -> Any:
        below = self.chain.below("prior", lambda rung, index, state: rung.prior(state), batch)
        return Joint({self.names[-1]: super().prior_of(batch), **below})

    def posterior_of(self, batch) -> Any:
        features = tree.flatten(self.encoder(batch.x, training=batch.training))
        top = self.posterior.distribution(features[-1])
        below = self.chain.below("posterior", lambda rung, index, state: rung.posterior(features[index], state), batch)
        return Joint({self.names[-1]: top, **below})

    def likelihood_of(self, z, batch=None) -> Any:
        batch = batch or NO_BATCH
        state = self.chain.state(0, z, batch)
        parameters = self.chain.down(self.decoder, "z1", z["z1"], state, batch.training)
        return self.likelihood.distribution(parameters, batch_ndims=len(z["z1"].shape) - len(self.shapes["z1"]))
