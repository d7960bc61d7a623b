"""The learned prior that couples latents of several modalities (POISE-VAE): parameters, bounds, chains, normaliser."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from keras_vae import checks
from keras_vae.distributions.coupled import CoupledExponential, annealed_log_partition, sufficient_statistics
from keras_vae.distributions.draws import stateless_normal
from keras_vae.distributions.seeds import stateless
from keras_vae.parts.priors import LatentPrior

# They bound the normaliser whatever the parameters: with t = |z_1||z_2| for two modalities, the mixed terms take no
# more than `2 LARGEST_MIXED^2 |z|^2` and half of the quadratic ones, so that, where `strong` (below) is 1,
# `-log p~(z) >= (1 - 4 LARGEST_MIXED^2) |z|^2 / 2 - LARGEST_LINEAR t + SMALLEST_QUADRATIC / (2 d) t^2`;
# where it is less no linear coupling is above 1, and that share of the last term will do.
LARGEST_LINEAR = 1.6  # singular value of the linear couplings; above 1 the family can have two modes
LARGEST_MIXED = 0.09
SMALLEST_QUADRATIC = 0.06  # over d, the larger number of coupled latents of all modalities but one of the two; hardly
# any where no linear coupling is above 1, and none is needed: the family holds the normal ones
GAIN = 5.0  # of the raw parameters: under Adam these few, which all examples share, move by so much more than networks


@keras.saving.register_keras_serializable("keras_vae")
class CoupledExponentialPrior(LatentPrior):
    """Prior that couples the latents of several modalities, learned: `p(z) ∝ exp(-|z|^2 / 2 + T(z)' G T(z) / 2)` with
    `T(z) = [z, z^2]`, proper for any parameters, and the standard normal where G is zero.

    Between latents i and j of two modalities, `a_ij z_i z_j + b_ij z_i z_j^2 + b_ji z_i^2 z_j - c_ij z_i^2 z_j^2`. No
    singular value of a is above 1.6 over the number of other modalities, `|b_ij| < 0.09 sqrt(2 c_ij / d_j)`, where d_j
    is the number of coupled latents of all modalities but j's, and `c_ij > 0.06 / max(d_i, d_j)` where a is strong.
    This bounds the normaliser too: a family that is no more than proper drifts off in training to where chains and
    estimates fail.

    It holds chains that persist from step to step, from which samples start, and its normaliser: `fit` and `evaluate`
    keep both up to date, `update_log_partition` does after any other change.

    Args:
        latent_sizes: numbers of coupled latents by modality, in the order of their names. None: the model sets them.
        private_sizes: numbers of latents by modality that nothing is coupled to; they come after the coupled ones of
            all modalities. None: none.
        start: the coefficient a, in (-1, 1) over the number of other modalities, from which a training starts between
            the k-th latents of each two; all others start at 0 or near it. 0 starts without coupling, and what does not
            couple at first may never do: a decoder learns to do without latents that tell nothing of another modality.
        chains: number of persistent chains, even.
        sweeps: of a draw, from a persistent chain on.
    """

    def __init__(self, latent_sizes=None, private_sizes=None, start=0.0, chains=500, sweeps=50, **kwargs):
        super().__init__(1, **kwargs)  # until the sizes are known
        if checks.whole("chains", chains, least=2) % 2:
            raise ValueError(f"chains must be even; got {chains}.")
        self.latent_sizes, self.private_sizes, self.start = None, None, checks.number("start", start)
        self.count, self.sweeps = chains, checks.whole("sweeps", sweeps)
        if latent_sizes is not None:
            self.set_sizes(latent_sizes, private_sizes)

    def set_sizes(self, latent_sizes, private_sizes=None) -> None:
        """Numbers of latents, as the constructor takes them.

        Raises:
            TypeError, ValueError: they are no numbers of latents of two modalities or more.
        """
        sizes = checks.sizes("latent_sizes", latent_sizes, fewest=2)
        private = checks.sizes("private_sizes", private_sizes, least=0, none=True) or (0,) * len(sizes)
        if len(sizes) != len(private):
            raise ValueError(f"private_sizes must be as many as latent_sizes, {len(sizes)}; got {len(private)}.")
        if not abs(self.start) * (len(sizes) - 1) < 1.0:
            limit = 1.0 / (len(sizes) - 1)
            raise ValueError(
                f"start must lie in (-{limit:g}, {limit:g}) with {len(sizes)} modalities; got {self.start}."
            )
        self.latent_sizes, self.private_sizes, self.latent_size = sizes, private, sum(sizes) + sum(private)
        self.owner = np.concatenate([np.repeat(range(len(sizes)), sizes), np.repeat(range(len(sizes)), private)])
        self.private = np.arange(self.latent_size) >= sum(sizes)

    def share_out(self, latent_size: int, modalities: Sequence[str], private: dict[str, int]) -> None:
        """Sets the numbers of latents where they are not given: those that are not private, in equal parts.

        Args:
            latent_size: of all modalities together, private ones included.
            modalities: names.
            private: numbers of private ones by modality, of some of them.

        Raises:
            ValueError: they cannot be shared out, or others were given.
        """
        modalities = list(modalities)
        if set(private) - set(modalities):
            raise ValueError(f"private_latents must name some of {modalities}; got {sorted(private)}.")
        private_sizes = tuple(private.get(name, 0) for name in modalities)
        if self.latent_sizes is None:
            each, left = divmod(latent_size - sum(private_sizes), len(modalities))
            if left or each < 1:
                raise ValueError(
                    f"latent_size, less private_latents, is shared out among {modalities}; got {latent_size} and "
                    f"{dict(private)}. Change them, or give prior=CoupledExponentialPrior(latent_sizes=...)."
                )
            self.set_sizes((each,) * len(modalities), private_sizes)
        fits = self.latent_size == latent_size and len(self.latent_sizes) == len(modalities)
        if not fits or self.private_sizes != private_sizes:
            raise ValueError(
                f"The prior has latents {self.latent_sizes} and private ones {self.private_sizes}; they must be of "
                f"{len(modalities)} modalities, {modalities}, {latent_size} in all, and the private ones "
                f"{private_sizes}."
            )

    def build(self, input_shape=None):
        coupled = sum(self.latent_sizes)
        self.pairs = {}
        for first in range(len(self.latent_sizes)):
            for second in range(first + 1, len(self.latent_sizes)):
                shape = (self.latent_sizes[first], self.latent_sizes[second])
                near_zero = keras.initializers.Constant(math.log(SMALLEST_QUADRATIC / (coupled - min(shape))) / GAIN)
                part = self.start * (len(self.latent_sizes) - 1) / LARGEST_LINEAR
                diagonal = keras.initializers.Identity(part / math.sqrt(1.0 - part**2) / GAIN)
                of = {"linear": diagonal, "quadratic": near_zero}
                for name in ("linear", "first_mixed", "second_mixed", "quadratic"):
                    initializer = of.get(name, "zeros")
                    key = f"{name}_{first}_{second}"
                    self.pairs[key] = self.add_weight(shape=shape, initializer=initializer, name=key)
        state = {"trainable": False, "aggregation": "only_first_replica"}
        normal = keras.initializers.RandomNormal(stddev=1.0)
        shape = (self.count, self.latent_size)
        self.states = self.add_weight(shape=shape, initializer=normal, name="states", **state)
        shape = (2 * self.latent_size,) * 2
        self.followed = self.add_weight(shape=shape, initializer="zeros", name="followed", **state)
        self.log_weights = self.add_weight(shape=(self.count // 2,), initializer="zeros", name="log_weights", **state)
        self.log_partition = self.add_weight(shape=(), initializer="zeros", name="log_partition", **state)

    def get_config(self):
        config = {**super().get_config(), "latent_sizes": self.latent_sizes, "private_sizes": self.private_sizes}
        config.pop("latent_size")
        return {**config, "start": self.start, "chains": self.count, "sweeps": self.sweeps}

    def coupling(self) -> tf.Tensor:
        """G, symmetric `[2 latent, 2 latent]`."""
        starts, coupled = np.cumsum([0, *self.latent_sizes]), sum(self.latent_sizes)
        total, modalities = 0.0, len(self.latent_sizes)

        def place(block, row, column):
            pads = [[at, 2 * self.latent_size - at - block.shape[axis]] for axis, at in enumerate((row, column))]
            return tf.pad(block, pads)

        for first in range(modalities):
            for second in range(first + 1, modalities):
                names = ("linear", "first_mixed", "second_mixed", "quadratic")
                linear, first_mixed, second_mixed, quadratic = (
                    GAIN * tf.convert_to_tensor(self.pairs[f"{name}_{first}_{second}"]) for name in names
                )
                # Singular values s become s / sqrt(1 + s^2)
                squared = tf.matmul(linear, linear, transpose_a=True)
                root = tf.linalg.cholesky(tf.eye(self.latent_sizes[second]) + squared)
                linear = tf.transpose(tf.linalg.triangular_solve(root, tf.transpose(linear)))
                d = [coupled - self.latent_sizes[modality] for modality in (first, second)]
                power = LARGEST_LINEAR**2 * tf.matmul(linear, linear, transpose_a=True)
                for _ in range(3):
                    power = tf.matmul(power, power)
                strong = tf.minimum(tf.reduce_sum(power**2), 1.0)  # of the 32nd powers of the singular values
                smallest = SMALLEST_QUADRATIC / max(d) * strong
                strength = tf.exp(quadratic) + smallest
                bound = LARGEST_MIXED * tf.sqrt(2.0 * strength)
                i, j, squares = starts[first], starts[second], self.latent_size
                total += place(LARGEST_LINEAR / (modalities - 1) * linear, i, j)
                total += place(bound / math.sqrt(d[1]) * tf.tanh(first_mixed), i, squares + j)
                total += place(bound / math.sqrt(d[0]) * tf.tanh(second_mixed), squares + i, j)
                total -= place(strength, squares + i, squares + j)
        return total + tf.transpose(total)

    def distribution(self, given: Any = None) -> CoupledExponential:
        """`CoupledExponential` over z, event shape `[latent]`."""
        zeros = tf.zeros(self.latent_size)
        return CoupledExponential(
            self.coupling(),
            self.owner,
            zeros,
            zeros,
            tf.convert_to_tensor(self.log_partition),
            start=tf.convert_to_tensor(self.states),
            sweeps=self.sweeps,
            gradient_sweeps=0,
        )

    def posterior(self, linear, quadratic, **options) -> Any:
        """`CoupledExponential` of natural parameters `[..., latent]` each: the prior times `exp(nu' T(z))`."""
        return CoupledExponential(self.coupling(), self.owner, linear, quadratic, **options)

    def advance(self, sweeps, seed) -> tf.Tensor:
        """Moves the persistent chains on, and returns half of their states, `[chains / 2, latent]`, for a gradient.

        `log_partition` follows the coupling by importance weights of the other half (Jarzynski 1997), which those who
        moved the coupling know nothing of.
        """
        p = self.distribution().with_constant_parameters()
        z, before = tf.convert_to_tensor(self.states), tf.convert_to_tensor(self.log_weights)
        statistics = sufficient_statistics(z[1::2])
        moved = tf.matmul(statistics, p.coupling - tf.convert_to_tensor(self.followed))
        after = before + 0.5 * tf.reduce_sum(moved * statistics, axis=-1)
        change = tf.reduce_logsumexp(after) - tf.reduce_logsumexp(before)
        self.log_partition.assign(tf.convert_to_tensor(self.log_partition) + change)
        self.log_weights.assign(after)
        self.followed.assign(p.coupling)
        for index in range(sweeps):
            noise = stateless_normal(z.shape, tf.random.experimental.stateless_fold_in(seed, index))
            z = p.sweep(z, noise)
        self.states.assign(z)
        return z[::2]

    def update_log_partition(self, steps=200, sweeps=50, seed=0, move=True) -> tuple[float, float]:
        """Moves the chains on, estimates `log Z` anew from both ends, and takes the mean of the two.

        Args:
            steps: number of temperatures of either way.
            sweeps: by which the chains move on.
            seed: an integer, or a stateless int32 pair. With the same one again and again, chains run alike.
            move: whether the chains, from which samples start, stay where they got to.

        Returns:
            `(forward, reverse)` of `annealed_log_partition`, nats. Where they differ by more than about 0.1, take more
            steps, or distrust likelihoods by as much.

        Raises:
            TypeError, ValueError: `steps` or `sweeps` is no positive integer, `seed` no seed, `move` no boolean.
        """
        steps, sweeps, move = checks.whole("steps", steps), checks.whole("sweeps", sweeps), checks.flag("move", move)
        seeds = tfp.random.split_seed(stateless(seed), n=2)
        p = self.distribution().with_constant_parameters()
        _, states = p.chains(self.count, seeds[0], sweeps)
        if move:
            self.states.assign(states)
        ends = annealed_log_partition(p.coupling, tuple(self.owner.tolist()), states, seeds[1], tf.constant(steps))
        forward, reverse = (float(end) for end in ends)
        self.log_partition.assign((forward + reverse) / 2.0)
        self.followed.assign(p.coupling)
        self.log_weights.assign(tf.zeros(self.count // 2))  # of the states, moved on or not
        return forward, reverse
