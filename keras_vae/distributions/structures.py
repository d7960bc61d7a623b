"""What is done with distributions by their type: how far apart, where their centre is, what of them is looked at."""

import collections.abc
import functools
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from keras_vae import checks
from keras_vae.distributions.mixtures import FullNormalMixture, NormalMixture
from keras_vae.distributions.spherical import PowerSpherical

tfd = tfp.distributions


def _any(kind: type) -> type:
    """The class that TFP's own and its variant of parts that are no composite tensors have in common."""
    return kind.__mro__[1]


class Joint(collections.abc.Mapping):
    """Several named distributions as one, over a dict: of latents each given those before, of modalities each on its
    own. As a mapping it holds its parts: `joint["svhn"].mean()`.

    Args:
        parts: `{name: part}` in the order of drawing; a part is a TFP distribution, or a function of the dict of values
            before it that makes one.
        observed: None, or boolean `[batch]` by name: log-densities are 0 where a value is not observed.
    """

    def __init__(self, parts: dict[str, Any], observed: dict[str, tf.Tensor] | None = None) -> None:
        self.parts, self.observed = dict(parts), observed or {}

    def __getitem__(self, name: str) -> Any:
        return self.parts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)

    def at(self, name: str, values: dict[str, tf.Tensor]) -> Any:
        """The distribution of a part, given the values before it."""
        part = self.parts[name]
        return part(values) if callable(part) else part

    def walk(self, value: Callable) -> dict[str, Any]:
        """Values by name: `value(name, distribution)` of each part, given the values before it."""
        values: dict[str, Any] = {}
        for name in self.parts:
            values[name] = value(name, self.at(name, values))
        return values

    def sample(self, sample_shape: Any = (), seed: Any = None) -> dict[str, tf.Tensor]:
        """Draws by name. Functions make distributions of as many as they are given, so the shape is not theirs."""
        seeds = dict(zip(self.parts, tfp.random.split_seed(seed, n=len(self.parts)), strict=True))

        def draw(name, p):
            return p.sample(() if callable(self.parts[name]) else sample_shape, seed=seeds[name])

        return self.walk(draw)

    def log_probs(self, values: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Log-densities in nats by name, `[..., batch]`, of the names that `values` has; 0 where unobserved."""
        found = {name: self.at(name, values).log_prob(values[name]) for name in self.parts if name in values}
        return {
            name: tf.where(self.observed[name], log_prob, 0.0) if name in self.observed else log_prob
            for name, log_prob in found.items()
        }

    def log_prob(self, values: dict[str, tf.Tensor]) -> tf.Tensor:
        """Their sum, nats, `[..., batch]`."""
        return functools.reduce(tf.add, self.log_probs(values).values())

    def mean(self) -> dict[str, tf.Tensor]:
        """Means by name, each part's given those before it."""
        return self.walk(lambda _, part: part.mean())


def kl_divergence(q: Any, p: Any, z: tf.Tensor) -> tf.Tensor:
    """KL(q || p) in nats, in closed form where TFP registers one.

    Args:
        q: posterior, a TFP distribution.
        p: prior, a TFP distribution.
        z: draws of `q`, `[..., latent]`: the Monte-Carlo estimate `log q(z) - log p(z)` is taken where there is no
            closed form.

    Returns:
        The closed form, `[batch]`, or the estimate, `[..., batch]` as `z` has it.

    Raises:
        TypeError: q or p is no distribution.
    """
    for name, one in (("q", q), ("p", p)):
        if isinstance(one, type) or not callable(getattr(one, "log_prob", None)):
            raise TypeError(f"{name} must be a TFP distribution; got {checks.told(one)}.")
    try:
        return tfd.kl_divergence(q, p)
    except NotImplementedError:
        return q.log_prob(z) - p.log_prob(z)


def log_ratios(q: Any, p: Any, z: Any) -> Any:
    """`log q(z) - log p(z)` in nats, `[..., batch]`; a dict of them for the parts, where both are `Joint`."""
    if not (isinstance(q, Joint) and isinstance(p, Joint)):
        return q.log_prob(z) - p.log_prob(z)
    of_p = p.log_probs(z)
    return {name: log_prob - of_p[name] for name, log_prob in q.log_probs(z).items()}


@functools.singledispatch
def divergences(q: Any, p: Any, z: Any) -> Any:
    """KL(q || p) in nats: one number an example, `[..., batch]`, or a dict of them for the parts of a `Joint`; an empty
    one of a point, which has no density.

    Args:
        q, p: posterior and prior.
        z: draws of q, a tensor or what q is over.
    """
    return kl_divergence(q, p, z)


@divergences.register(_any(tfd.VectorDeterministic))
def _(q, p, z):
    return {}  # a point has no density: it is infinitely far from all that have one


@divergences.register
def _(q: Joint, p, z):
    return {name: divergences(q.at(name, z), p.at(name, z), z[name]) for name in q.parts}


@functools.singledispatch
def centre(q: Any) -> Any:
    """One value an example that stands for q: its mean; through a flow, where the base's mean goes; of directions the
    mean one; part by part, each given the centres before it."""
    return q.mean()


@centre.register
def _(q: PowerSpherical):
    return q.mean_direction  # the mean lies within the sphere


@centre.register(_any(tfd.TransformedDistribution))
def _(q):
    return q.bijector.forward(centre(q.distribution))


@centre.register
def _(q: Joint):
    return q.walk(lambda _, part: centre(part))


@functools.singledispatch
def nearest(q: Any, z: Any) -> Any:
    """What q may draw that is nearest to z: z itself, but of directions a unit vector."""
    return z


@nearest.register
def _(q: PowerSpherical, z):
    return tf.math.l2_normalize(z, axis=-1)


@functools.singledispatch
def shown(p: Any) -> Any:
    """What of p is to be looked at: its mean; where it has none, the likeliest value."""
    try:
        return p.mean()
    except (NotImplementedError, AttributeError):
        return p.mode()


@shown.register
def _(p: Joint):
    return p.walk(lambda _, part: shown(part))


@functools.singledispatch
def cooled(p: Any, factor: float) -> Any:
    """p with its scale multiplied; through a flow the base's, of a mixture that of every component; part by part, by a
    dict of the factors.

    Raises:
        TypeError: p has no scale.
    """
    raise TypeError(f"{type(p).__name__} has no scale that a temperature could change: leave this rung at 1.")


@cooled.register(_any(tfd.Independent))
def _(p, factor):
    return tfd.Independent(p.distribution.copy(scale=factor * p.distribution.scale), p.reinterpreted_batch_ndims)


@cooled.register(_any(tfd.TransformedDistribution))
def _(p, factor):
    return tfd.TransformedDistribution(cooled(p.distribution, factor), p.bijector)


@cooled.register
def _(p: Joint, factor):
    def of(part, factor):
        if factor == 1.0:
            return part
        return (lambda values: cooled(part(values), factor)) if callable(part) else cooled(part, factor)

    return Joint({name: of(part, factor.get(name, 1.0)) for name, part in p.parts.items()}, p.observed)


@cooled.register
def _(p: NormalMixture, factor):
    return NormalMixture(p.loc, factor * p.scale)


@cooled.register
def _(p: FullNormalMixture, factor):
    return FullNormalMixture(p.logits, p.loc, p.factors / factor)


@functools.singledispatch
def frozen(q: Any) -> Any:
    """The same distribution, but no gradient reaches its parameters: for distributions that hold all of theirs.

    Raises:
        TypeError: parameters may stand elsewhere, as a flow's do.
    """
    raise TypeError(
        f"The gradient of {type(q).__name__} cannot be stopped: its parameters may depend on what is drawn."
    )


@frozen.register(_any(tfd.Independent))
@frozen.register(_any(tfd.MixtureSameFamily))
@frozen.register(tfd.MultivariateNormalDiag)
@frozen.register(tfd.MultivariateNormalTriL)
@frozen.register(PowerSpherical)
def _(q):
    return tf.nest.map_structure(tf.stop_gradient, q, expand_composites=True)
