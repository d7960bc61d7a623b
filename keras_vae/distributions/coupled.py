"""Latents of several modalities coupled by an exponential family, sampled by block Gibbs (POISE-VAE)."""

import math

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from keras_vae.distributions.draws import stateless_normal, stateless_uniform
from keras_vae.distributions.own import OwnDistribution, event_ndims

tfd = tfp.distributions

MEAN_CHAINS = 32  # chains an example whose average is the mean


class CoupledExponential(OwnDistribution):
    """`p(z) ∝ exp(-|z|^2 / 2 + T(z)' G T(z) / 2 + nu' T(z))` with `T(z) = [z, z^2]`: given the latents of all other
    modalities, those of one are independent normals. Draws are the ends of chains of block Gibbs sweeps.

    Densities are known up to `log_partition`, the normaliser relative to that of the standard normal, in nats.

    Args:
        coupling: G, symmetric `[2 latent, 2 latent]`, zero between latents of one modality.
        owner: the modality of each latent, integers `[latent]`, NumPy.
        linear, quadratic: nu, `[..., latent]` each; quadratic ones are not positive.
        log_partition: None, or a scalar: then `log_prob` works.
        start: None, or states `[chains, latent]` from which chains start, instead of from `nu` alone.
        sweeps: updates of all modalities that a draw takes.
        gradient_sweeps: how many of them, the last ones, pass a gradient on.
    """

    _parameter_properties = event_ndims(linear=1, quadratic=1)

    def __init__(
        self,
        coupling,
        owner,
        linear,
        quadratic,
        log_partition=None,
        start=None,
        sweeps=15,
        gradient_sweeps=5,
    ):
        self.coupling, self.owner = coupling, owner
        self.linear, self.quadratic = tf.convert_to_tensor(linear), tf.convert_to_tensor(quadratic)
        self.log_partition, self.start = log_partition, start
        self.sweeps, self.gradient_sweeps = sweeps, gradient_sweeps
        self.members = [owner == modality for modality in range(owner.max() + 1)]
        # Not wholly reparameterized: the first sweeps pass no gradient on
        super().__init__(self.linear.dtype, {"linear": linear, "quadratic": quadratic})

    def _event_shape(self):
        return self.linear.shape[-1:]

    def _event_shape_tensor(self):
        return tf.shape(self.linear)[-1:]

    def _batch_shape(self):
        return self.linear.shape[:-1]

    def _batch_shape_tensor(self):
        return tf.shape(self.linear)[:-1]

    def with_constant_parameters(self) -> "CoupledExponential":
        """The same, but no gradient reaches its parameters."""
        parts = (tf.stop_gradient(part) for part in (self.coupling, self.linear, self.quadratic))
        coupling, linear, quadratic = parts
        options = {"start": self.start, "sweeps": self.sweeps, "gradient_sweeps": self.gradient_sweeps}
        return CoupledExponential(coupling, self.owner, linear, quadratic, self.log_partition, **options)

    # --- densities ----------------------------------------------------------------------------------------------

    def natural_parameters(self, z) -> tuple[tf.Tensor, tf.Tensor]:
        """`(linear, quadratic)`, `[..., latent]` each, of every latent given those of the other modalities."""
        given = tf.tensordot(sufficient_statistics(z), self.coupling, 1)
        linear, quadratic = tf.split(given, 2, axis=-1)
        return self.linear + linear, self.quadratic + quadratic

    def conditional(self, z) -> tuple[tf.Tensor, tf.Tensor]:
        """`(loc, scale)`, `[..., latent]` each, of every latent given those of the other modalities."""
        linear, quadratic = self.natural_parameters(z)
        variance = 1.0 / (1.0 - 2.0 * quadratic)
        return variance * linear, tf.sqrt(variance)

    def _unnormalized_log_prob(self, z):
        statistics = sufficient_statistics(z)
        coupled = 0.5 * tf.reduce_sum(tf.tensordot(statistics, self.coupling, 1) * statistics, axis=-1)
        own = tf.reduce_sum(self.linear * z + self.quadratic * z**2 - 0.5 * z**2, axis=-1)
        return own + coupled - 0.5 * z.shape[-1] * math.log(2.0 * math.pi)

    def _log_prob(self, z):
        if self.log_partition is None:
            raise NotImplementedError(
                "This density is known up to a constant only: use unnormalized_log_prob, or the model's log_likelihood."
            )
        return self._unnormalized_log_prob(z) - self.log_partition

    def marginal_log_prob(self, z, modality=0) -> tf.Tensor:
        """Unnormalised log-density of the latents of all modalities but one, which is integrated analytically.

        Args:
            z: `[..., latent]`; the latents of that modality are not read.
        """
        kept = tf.where(self.members[modality], 0.0, z)
        linear, quadratic = self.natural_parameters(kept)
        precision = 1.0 - 2.0 * quadratic
        integral = 0.5 * (linear**2 / precision - tf.math.log(precision))
        own = np.sum(self.members[modality]) * 0.5 * math.log(2.0 * math.pi)
        integral = tf.reduce_sum(tf.where(self.members[modality], integral, 0.0), axis=-1)
        return self._unnormalized_log_prob(kept) + own + integral

    # --- chains -------------------------------------------------------------------------------------------------

    def sweep(self, z, noise, order=None) -> tf.Tensor:
        """Draws the latents of one modality after another, each given all others: states `[..., latent]` to the next.

        Args:
            noise: standard normal, of the shape of z or one that broadcasts with it.
            order: of the modalities; None: as they are numbered.
        """
        for modality in range(len(self.members)) if order is None else order:
            loc, scale = self.conditional(z)
            z = tf.where(self.members[modality], loc + scale * noise, z)
        return z

    def sweep_log_prob(self, after, before) -> tf.Tensor:
        """Log-density, `[...]`, of the states that a sweep leads to from those before, `[..., latent]` each."""
        total, state = 0.0, before + tf.zeros_like(after)
        for member in self.members:
            density = tfd.Normal(*self.conditional(state)).log_prob(after)
            total += tf.reduce_sum(tf.where(member, density, 0.0), axis=-1)
            state = tf.where(member, after, state)
        return total

    def starts(self, chains, seed) -> tf.Tensor:
        """States, `[chains, ..., latent]`, from which chains start."""
        shape = tf.concat([[chains], tf.shape(self.linear)], axis=0)
        seeds = tfp.random.split_seed(seed)
        if self.start is None:
            variance = 1.0 / (1.0 - 2.0 * self.quadratic)
            return variance * self.linear + tf.sqrt(variance) * stateless_normal(shape, seeds[0])
        count = tf.shape(self.start)[0]
        size = tf.reduce_prod(shape[:-1])
        first = stateless_uniform([], seeds[0], 0, count, tf.int32)
        return tf.reshape(tf.gather(self.start, (first + tf.range(size)) % count), shape)

    def chains(self, count, seed, sweeps=None, same_noise=False) -> tuple[tf.Tensor, tf.Tensor]:
        """Last two states of chains: `(before, after)` the last sweep, `[chains, ..., latent]` each.

        The last `gradient_sweeps` pass a gradient on to the parameters (reparameterised draws), the others none.

        Args:
            count: number of chains an example.
            seed: stateless int32 pair.
            sweeps: None for those of the constructor.
            same_noise: whether all examples share their noise, so that results depend on the example alone.
        """
        sweeps = self.sweeps if sweeps is None else sweeps
        seeds = tfp.random.split_seed(seed)
        fixed = self.with_constant_parameters()
        z = fixed.starts(count, seeds[0])
        shape = tf.shape(z)
        if same_noise:
            ones = tf.ones_like(shape[1:-1])
            shape = tf.concat([shape[:1], ones, shape[-1:]], axis=0)
            variance = 1.0 / (1.0 - 2.0 * fixed.quadratic)
            z = variance * fixed.linear + tf.sqrt(variance) * stateless_normal(shape, seeds[0])

        def noise(index):
            return stateless_normal(shape, tf.random.experimental.stateless_fold_in(seeds[1], index))

        burn_in = max(sweeps - max(self.gradient_sweeps, 1), 0)
        _, z = tf.while_loop(
            lambda index, _: index < burn_in,
            lambda index, z: (index + 1, fixed.sweep(z, noise(index))),
            (0, z),
            maximum_iterations=burn_in,
        )
        z, before = tf.stop_gradient(z), z
        moving = self if self.gradient_sweeps else fixed
        for index in range(burn_in, sweeps):
            before, z = z, moving.sweep(z, noise(index))
        return before, z

    def _sample_n(self, n, seed=None):
        return self.chains(n, seed)[1]

    def _moments(self):
        """Mean and variance, from chains whose noise is the same for all examples and at every call.

        Both are averages of the conditional ones (Rao-Blackwell).
        """
        fixed = self.with_constant_parameters()
        loc, scale = fixed.conditional(fixed.chains(MEAN_CHAINS, tf.constant([0, 0]), same_noise=True)[1])
        mean = tf.reduce_mean(loc, axis=0)
        return mean, tf.reduce_mean(scale**2 + (loc - mean) ** 2, axis=0)

    def _mean(self):
        return self._moments()[0]

    def _variance(self):
        return self._moments()[1]

    def _stddev(self):
        return tf.sqrt(self._variance())


class GibbsMixture:
    """One more sweep from each of several states, as a mixture: a tractable proposal near a `CoupledExponential`.

    Args:
        target: the `CoupledExponential`.
        states: of its chains, `[chains, ..., latent]`.
    """

    def __init__(self, target, states):
        self.target, self.states = target, states

    def batch_shape_tensor(self) -> tf.Tensor:
        return self.target.batch_shape_tensor()

    def sample(self, samples, seed) -> tf.Tensor:
        """Draws, `[samples, ..., latent]`, from the states in turn."""
        seeds, count = tfp.random.split_seed(seed), tf.shape(self.states)[0]
        # Each equally often in expectation, however many are drawn at a time
        first = stateless_uniform([], seeds[0], 0, count, tf.int32)
        before = tf.gather(self.states, (first + tf.range(samples)) % count)
        return self.target.sweep(before, stateless_normal(tf.shape(before), seeds[1]))

    def log_prob(self, z) -> tf.Tensor:
        """Nats, `[samples, ...]`, of draws `[samples, ..., latent]`."""
        logs = self.target.sweep_log_prob(z[:, None], self.states)
        return tf.reduce_logsumexp(logs, axis=1) - tf.math.log(tf.cast(tf.shape(self.states)[0], z.dtype))


def coupled_kl_divergence(q, p, before, after, p_states, estimator="pathwise") -> tf.Tensor:
    """`KL(q || p)` of two `CoupledExponential`s of one coupling, nats, `[...]`.

    With `B = nu' T(z)`, `KL = E_q[B] - log Z_q + log Z_p`. `log Z_q` is estimated by importance sampling from a
    `GibbsMixture`, whose error makes the value too large in expectation; `log Z_p` is p's `log_partition`.

    Args:
        q: the posterior.
        p: the prior.
        before, after: states of chains of q before and after their last sweep, `[chains, ..., latent]`.
        p_states: draws from p, `[draws, latent]`.
        estimator: of the gradient by q's `nu`: "pathwise", through the draws, or "covariance",
            `Cov_q(T(z), B)`, which needs two chains at least and passes no gradient through them. That by the coupling
            adds `E_p[d/dG log p~] - E_q[d/dG log p~]` to it, p~ being p without its normaliser.
    """
    states = tf.stop_gradient(after)
    energy = _energy(q, p, states)
    weights = q.unnormalized_log_prob(states) - GibbsMixture(q, tf.stop_gradient(before)).log_prob(states)
    count = after.shape[0]
    log_partition = tf.reduce_logsumexp(weights, axis=0) - math.log(count)
    value = tf.reduce_mean(energy, axis=0) - log_partition + p.log_partition
    if estimator == "pathwise":
        surrogate = tf.reduce_mean(_energy(q.with_constant_parameters(), p, after), axis=0)
    else:
        deviation = tf.stop_gradient(energy - tf.reduce_mean(energy, axis=0)) / (count - 1)
        surrogate = tf.reduce_sum(deviation * q.unnormalized_log_prob(states), axis=0)
    surrogate -= tf.reduce_mean(p.unnormalized_log_prob(states), axis=0)
    surrogate += tf.reduce_mean(p.unnormalized_log_prob(tf.stop_gradient(p_states)))
    return tf.stop_gradient(value - surrogate) + surrogate


def _energy(q, p, z):
    """`B(z) = log q~(z) - log p~(z)`: the couplings cancel."""
    return tf.reduce_sum((q.linear - p.linear) * z + (q.quadratic - p.quadratic) * z**2, axis=-1)


@tf.function(autograph=False, reduce_retracing=True)
def annealed_log_partition(coupling, owner, states, seed, steps) -> tuple[tf.Tensor, tf.Tensor]:
    """`log Z` of the prior `exp(-|z|^2 / 2 + T' G T / 2)`, relative to the standard normal's, in nats, by annealed
    importance sampling (Neal 2001) along `t G`, with the first modality integrated analytically.

    Args:
        coupling: G, `[2 latent, 2 latent]`.
        owner: the modality of each latent, a tuple of integers.
        states: draws from the prior, `[chains, latent]`: as many chains run each way.
        seed: stateless int32 pair.
        steps: number of temperatures.

    Returns:
        `(forward, reverse)`: from the standard normal on, below `log Z` in expectation, and from the prior back, above.
    """
    owner = np.asarray(owner)
    zeros = tf.zeros(len(owner))
    modalities = int(owner.max()) + 1

    def at(step):
        return CoupledExponential(tf.cast(step / steps, "float32") * coupling, owner, zeros, zeros)

    def noise(index):
        return stateless_normal(tf.shape(states), tf.random.experimental.stateless_fold_in(seed, index))

    def forward(step, z, log_weights):
        log_weights += at(step).marginal_log_prob(z) - at(step - 1).marginal_log_prob(z)
        return step + 1, at(step).sweep(z, noise(step)), log_weights

    def reverse(step, z, log_weights):
        # The reverse of a sweep, on the latents that are left: the last modality comes first
        z = at(step).sweep(z, noise(steps + step), [0, *range(modalities - 1, 0, -1)])
        return step - 1, z, log_weights + at(step - 1).marginal_log_prob(z) - at(step).marginal_log_prob(z)

    start = tf.zeros(tf.shape(states)[:1])
    _, _, up = tf.while_loop(lambda step, *_: step <= steps, forward, (1, noise(0), start))
    _, _, down = tf.while_loop(lambda step, *_: step > 0, reverse, (steps, states, start))
    count = tf.math.log(tf.cast(tf.shape(states)[0], "float32"))
    return tf.reduce_logsumexp(up) - count, count - tf.reduce_logsumexp(down)


def sufficient_statistics(z) -> tf.Tensor:
    """`T(z) = [z, z^2]`, `[..., 2 latent]`."""
    return tf.concat([z, z**2], axis=-1)
