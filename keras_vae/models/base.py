"""What all models share: the seam between a variant's terms and Keras's `fit`, and the public verbs."""

import inspect
import sys

import keras
import numpy as np
import tensorflow as tf
from keras import ops, tree

from keras_vae import _replicas
from keras_vae.distributions import kl_divergence
from keras_vae.models.importance import draws_at_a_time, log_likelihood_function
from keras_vae.models.inputs import Batch, as_arrays, clear_errors, refuse_unused, unpack_data

EMPTY = "The data are empty: there is no example in x."


class LatentVariableModel(keras.Model):
    """Base of every model: a variant overrides `terms`, and gives the four parts that `encode` and `decode` use.

    Args:
        latent_size: number of latents.
        prior: "standard_normal", "laplace", "normal_mixture", or an object of `keras_vae.distributions`.
        posterior: "normal", "laplace", or an object of `keras_vae.distributions`.
        beta: weight of the rate in the objective; never part of what is measured. A variable: `model.beta.assign(4.0)`.
        seed: of all random draws; None: drawn from Python's generator, as `keras.utils.set_random_seed` sets it.
    """

    # What `terms` measures, in nats per example; `free_energy` is measured besides.
    term_names = ("distortion", "rate")
    # Whether data are a dict by modality.
    takes_dict = False
    # Whether `sample` and `decode` take a condition.
    takes_condition = False

    def __init__(self, latent_size, prior="standard_normal", posterior="normal", beta=1.0, seed=None, **kwargs):
        if not isinstance(latent_size, int) or latent_size < 1:
            raise ValueError(f"latent_size must be a positive integer; got {latent_size!r}.")
        if not beta >= 0:
            raise ValueError(f"beta must not be negative; got {beta!r}.")
        # Float32 whatever the policy: under a mixed one Keras hands out variables, metrics' too, in half precision
        # within `call`. The networks follow the policy.
        super().__init__(autocast=False, dtype="float32", **kwargs)
        self.latent_size, self.prior, self.posterior, self.seed = latent_size, prior, posterior, seed
        self.beta = keras.Variable(beta, trainable=False, dtype="float32", name="beta")
        # Set by a callback at each start, so not among the weights that are saved.
        object.__setattr__(self, "capacity", keras.Variable(0.0, trainable=False, dtype="float32", name="capacity"))
        self.seed_generator = keras.random.SeedGenerator(seed)
        self._replica_losses = {}
        object.__setattr__(self, "_graphs", {})  # compiled functions, kept from call to call

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        # What this replaces may be part of them. (Changes within a part are seen after `compile`, as by `evaluate`.)
        self.__dict__.get("_graphs", {}).clear()

    # --- what a variant defines ---------------------------------------------------------------------------------

    def input_shape_known(self):
        """Shape of the data that the given networks declare, or None before they are chosen from the data."""
        raise NotImplementedError

    def latent_shape(self):
        """Shape of one example's latents."""
        return (self.latent_size,)

    def to_batch(self, inputs):
        """User's data to a `Batch` of fitting shapes: float32, zeros where unobserved."""
        raise NotImplementedError

    def check(self, batch):
        """Refuses values that the likelihood cannot take."""
        raise NotImplementedError

    def encode(self, inputs):
        """Posterior q(z|x): TFP distribution with batch shape `[batch]` and event shape `[latent]`."""
        raise NotImplementedError

    def proposal(self, batch):
        """What `log_likelihood` draws latents from: near q(z|x), with a density. Here q(z|x) itself."""
        return self.encode(batch)

    def decode(self, z):
        """Likelihood p(x|z) of latents `[..., latent]`: TFP distribution over x, or a dict of them by modality."""
        raise NotImplementedError

    def prior_of(self, batch=None):
        """Prior p(z), of a batch's examples where it depends on `batch.condition`."""
        return self.prior.distribution()

    def likelihood_of(self, z, batch):
        """Likelihood p(x|z) of a batch's examples; a conditional model's depends on `batch.condition`."""
        return self.decode(z)

    def conditional_log_prob(self, z, batch):
        """`log p(x|z)` in nats, `[..., batch]`, of latents `[..., batch, latent]`."""
        return self.likelihood_of(z, batch).log_prob(batch.x)

    def terms(self, batch, training):
        """The one thing a variant overrides; or `terms_at`, where all that it needs is one draw of the latents.

        Returns:
            `terms`: what is measured, `{name: [batch] or scalar}` for each of `term_names`;
            `objective`: what is minimised, a dict whose values are averaged and added;
            `output`: what calling the model returns.
        """
        q = self.encode(batch)
        return self.terms_at(q, q.sample(seed=self.next_seed()), batch)

    def terms_at(self, q, z, batch):
        """`terms` at one draw z of q(z|x), both given: for variants that add a term of the latents."""
        p = self.likelihood_of(z, batch)
        terms = {"distortion": -p.log_prob(batch.x), "rate": kl_divergence(q, self.prior_of(batch), z)}
        return terms, {**terms, "rate": self.weighted(terms["rate"])}, p.mean()

    def weighted(self, rate):
        """The rate's part of the objective: `beta * rate`; where a callback has set a capacity, beta times the distance
        of the batch's mean rate from it (Burgess et al. 2018, equation 8).

        Args:
            rate: nats, `[batch]`.
        """
        if self.capacity is None:
            return self.beta * rate
        distance = tf.abs(tf.reduce_mean(rate) - self.capacity)
        return self.beta * tf.where(self.capacity > 0, distance, rate)

    def own_callbacks(self):
        """Callbacks of every `fit` and `evaluate`, before the user's: what these save is up to date."""
        return []

    # --- the seam -----------------------------------------------------------------------------------------------

    def build(self, input_shape):
        """Subclasses create their networks, then call this."""
        if not self.prior.built:
            self.prior.build((None, *self.latent_shape()))
        names = ("free_energy", *self.term_names)
        self.trackers = {name: keras.metrics.Mean(name, dtype="float32") for name in names}

    def prepare(self, inputs):
        """User's data, or a `Batch`, to a `Batch`. Values are checked here when eager; `fit` checks them before."""
        if isinstance(inputs, Batch):
            return inputs
        self._require_built()
        self._assert_structure(inputs)
        batch = self.to_batch(inputs)
        if tf.executing_eagerly():
            with clear_errors():
                self.check(batch)
        return batch

    def call(self, inputs, training=False):
        self._replica_losses[_replicas.index()] = []
        batch = self.prepare(inputs)
        if _replicas.count() > 1:
            return self._call_on_replica(batch, training)
        terms, objective, output = self._measured(batch, training)
        for value in objective.values():
            self.add_loss(ops.mean(value))
        for name, tracker in self.trackers.items():
            tracker.update_state(terms[name])
        return output

    def _measured(self, batch, training):
        terms, objective, output = self.terms(batch, training)
        return {"free_energy": terms["distortion"] + terms["rate"], **terms}, objective, output

    def _call_on_replica(self, batch, training):
        """`call` on a part of the global batch, which the last batch of an epoch may leave small or empty."""
        examples = tf.shape(tree.flatten(batch.x)[0])[0]
        batch = _replicas.with_one_example(batch)._replace(weight=_replicas.weight(examples))
        terms, objective, output = self._measured(batch, training)
        for value in objective.values():
            self.add_loss(_replicas.scaled_gradient(ops.mean(value), batch.weight))
        for name, tracker in self.trackers.items():
            tracker.update_state(terms[name], tf.cast(examples > 0, "float32") * tf.ones_like(terms[name]))
        return tree.map_structure(lambda part: part[:examples], output)

    def add_loss(self, loss):
        # Replicas share the model: with one list for all of them, one replica's gradient holds another's terms.
        self._replica_losses.setdefault(_replicas.index(), []).append(loss)

    @property
    def losses(self):
        return [*self._replica_losses.get(_replicas.index(), []), *super().losses]

    def compute_metrics(self, *args, **kwargs):
        logs = super().compute_metrics(*args, **kwargs)
        # Keras 3.15 averages what workers return over a first axis, which a number lacks.
        return {name: ops.reshape(value, (1,)) for name, value in logs.items()} if _replicas.on_workers() else logs

    def next_seed(self):
        """Stateless seed, int32 `[2]`: another one at each call and in each replica."""
        seed = ops.cast(ops.mod(self.seed_generator.next(), 2**31 - 1), "int32")
        return tf.random.experimental.stateless_fold_in(seed, _replicas.index())

    def compile(self, optimizer="adam", **kwargs):
        """As `keras.Model.compile`, without `loss`; scales the loss where the global policy is mixed_float16."""
        optimizer = keras.optimizers.get(optimizer)
        scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        if keras.config.dtype_policy().name == "mixed_float16" and not scaled:
            optimizer = _replicas.LossScaleOptimizer(optimizer)
        super().compile(optimizer, **kwargs)
        self._graphs.clear()

    def compile_from_config(self, config):
        """Compiles a loaded model as it was saved, its optimizer's state to follow."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built:
            self.optimizer.build(self.trainable_variables)

    def fit(self, x=None, y=None, batch_size=None, epochs=1, callbacks=None, validation_data=None, **kwargs):
        """As `keras.Model.fit`: `x` is an array, a dict of arrays or a `tf.data.Dataset` of them. No `y`.

        On one device tf.data is not tuned, unless the data set's `options.autotune.enabled` is True: its tuner may keep
        the end of `fit` waiting for as long as the training took, up to a minute.

        Raises:
            ValueError: `y`, weights or data that the model cannot take; the message says what is accepted.
            FloatingPointError: a term of the loss became NaN or infinite.
        """
        refuse_unused(y=y, **{name: kwargs.pop(name, None) for name in ("sample_weight", "class_weight")})
        if callbacks is None or isinstance(callbacks, (list, tuple)):
            callbacks = [*self.own_callbacks(), *(callbacks or ()), _Watch()]
        if self.capacity is not None:
            self.capacity.assign(0.0)  # of an earlier fit; a callback sets this one's
        with clear_errors():
            x = self._accept(x)
            if isinstance(x, tf.data.Dataset):
                kwargs["shuffle"] = False  # or Keras warns that it does not
            if validation_data is not None:
                validation_data = self._accept(validation_data)
            return super().fit(
                x,
                batch_size=batch_size,
                epochs=epochs,
                callbacks=callbacks,
                validation_data=validation_data,
                **kwargs,
            )

    def evaluate(self, x=None, y=None, sample_weight=None, callbacks=None, **kwargs):
        """As `keras.Model.evaluate`, on the data that `fit` takes."""
        refuse_unused(y=y, sample_weight=sample_weight)
        with clear_errors():
            if "_use_cached_eval_dataset" not in kwargs:  # else it is `fit` that asks, with data already accepted
                x = self._accept(x)
                callbacks = [*self.own_callbacks(), *(callbacks or ()), _Watch()]
            return super().evaluate(x, callbacks=callbacks, **kwargs)

    def _accept(self, data):
        """Checked data, and a built model."""
        data = unpack_data(data)
        if data is None:
            raise ValueError("No data: pass an array, a dict of arrays or a tf.data.Dataset as x.")
        if isinstance(data, tf.data.Dataset):
            return self._accept_dataset(data)
        if not isinstance(data, (dict, list)) and not hasattr(data, "shape"):
            return data  # generators and distributed data sets: Keras takes them as they come
        data = as_arrays(data)
        if any(part.shape[0] == 0 for part in tree.flatten(data)):
            raise ValueError(EMPTY)
        self._build_for(data)
        for batch in _slices(data, 4096):
            self.prepare(batch)
        return data

    def _accept_dataset(self, dataset):
        if int(dataset.cardinality()) == 0:
            raise ValueError(EMPTY)
        self._build_for(unpack_data(dataset.element_spec))

        @tf.autograph.experimental.do_not_convert  # or our errors come wrapped in its own
        def check(*element):
            element = unpack_data(element)
            self.check(self.to_batch(element))
            return as_arrays(element)

        return dataset.map(check, num_parallel_calls=tf.data.AUTOTUNE)

    def _build_for(self, data):
        """Builds the model, for the shapes its networks declare or else for those of the data."""
        self._assert_structure(data)
        if not self.built:
            shape = self.input_shape_known() or tree.map_structure(lambda part: tuple(part.shape), data)
            with self.distribute_strategy.scope():
                self.build(shape)

    def _assert_structure(self, data):
        if isinstance(data, dict) != self.takes_dict:
            wanted = "a dict of arrays by modality" if self.takes_dict else "one array (for several modalities: MVAE)"
            raise TypeError(f"{type(self).__name__} takes {wanted}; got {type(data).__name__}.")

    # --- the public verbs ---------------------------------------------------------------------------------------

    def embed(self, x, batch_size=512):
        """Posterior means, NumPy `[examples, latent]`."""
        return np.concatenate([self.encode(part).mean() for part in self.batches(x, batch_size)])

    def reconstruct(self, x, batch_size=512):
        """Means of p(x|z) at the posterior means: deterministic. Shaped as the data; a dict for multimodal models."""
        parts = [_means(self.likelihood_of(self.encode(part).mean(), part)) for part in self.batches(x, batch_size)]
        return tree.map_structure(lambda *tensors: tf.concat(tensors, axis=0), *parts)

    def sample(self, samples=1, seed=None):
        """Means of p(x|z) at draws of z from the prior, `[samples, *event]`; a dict for multimodal models.

        For draws of x as well: `model.decode(z).sample()`.
        """
        self._require_built()
        if "sample" not in self._graphs:
            self._graphs["sample"] = tf.function(self._sample, autograph=False, reduce_retracing=True)
        return self._graphs["sample"](tf.constant(samples), self._seed(seed))

    def _sample(self, samples, seed):
        return _means(self.decode(self.prior_of().sample(samples, seed=seed)))

    def traverse(self, x, latent, values=(-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)):
        """Means of p(x|z) with one latent set to each of `values`, the others at their posterior means.

        Returns:
            `[values, batch, *event]`; a dict for multimodal models.
        """
        if not 0 <= latent < self.latent_size:
            raise ValueError(f"latent must be one of 0 to {self.latent_size - 1}; got {latent}.")
        (batch,) = self.batches(x, sys.maxsize)
        z = self.encode(batch).mean()
        chosen = tf.one_hot(latent, self.latent_size, on_value=True, off_value=False, dtype=tf.bool)
        z = tf.stack([tf.where(chosen, float(value), z) for value in values])
        return _means(self.likelihood_of(z, batch))

    def adapt(self, x, batch_size=512, seed=0):
        """Fits the prior to draws of the posteriors of `x`, all else unchanged, which lowers the rate: for priors that
        have `adapt`, such as "normal_mixture" (ex-post density estimation, Ghosh et al. 2020, section 4).

        Raises:
            ValueError: the prior has nothing to fit.
        """
        if not hasattr(self.prior, "adapt"):
            raise ValueError(f'{type(self.prior).__name__} cannot be fitted to data. Give prior="normal_mixture".')
        seeds = tf.random.experimental.stateless_split([seed, 0], 1 + len(tree.flatten(x)[0]) // batch_size)
        draws = [
            self.encode(part).sample(seed=one) for part, one in zip(self.batches(x, batch_size), seeds, strict=False)
        ]
        self.prior.adapt(np.concatenate(draws), seed=seed)

    def log_likelihood(self, x, samples=1000, batch_size=100, chunk=None, seed=0, progress=None):
        """Importance-weighted estimate of log p(x), nats, NumPy `[examples]`; the same for the same seed.

        Args:
            samples: draws of q(z|x) an example; the estimate rises with it towards log p(x).
            batch_size, chunk: examples and draws of each held in memory at a time. None: as many draws as make about
                2,000 of all these examples together, at least one of each.
            progress: None, or a function called with the number of examples just done.
        """
        for name, number in (("samples", samples), ("chunk", chunk)):
            if number is not None and number < 1:
                raise ValueError(f"{name} must be at least 1; got {number}.")
        self._require_built()
        if "log_likelihood" not in self._graphs:
            self._graphs["log_likelihood"] = log_likelihood_function(self)
        seed, results = self._seed(seed), []
        for index, part in enumerate(self.batches(x, batch_size)):
            one = tf.random.experimental.stateless_fold_in(seed, index)
            if chunk is None:
                chunk = draws_at_a_time(samples, len(tree.flatten(part.x)[0]))
            counts = tf.constant(samples), tf.constant(min(chunk, samples))
            results.append(self._graphs["log_likelihood"](part, one, *counts).numpy())
            if progress is not None:
                progress(len(results[-1]))
        return np.concatenate(results)

    def batches(self, x, batch_size):
        """Data as one checked `Batch` of at most `batch_size` examples after another: what `encode` takes."""
        self._require_built()
        for part in _slices(x, batch_size):
            yield self.prepare(part)

    def _seed(self, seed):
        return self.next_seed() if seed is None else tf.constant([seed, 0], tf.int32)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # tf.data's tuning sleeps, up to a minute in the end, and an iterator's end waits for it.
        dataset = getattr(iterator, "_distributed_dataset", None)
        if isinstance(dataset, tf.data.Dataset) and dataset.options().autotune.enabled is None:
            untuned = tf.data.Options()
            untuned.autotune.enabled = False
            iterator._distributed_dataset = dataset.with_options(untuned)
        # Keras adds up a first batch over the replicas, which fails for dicts on workers, to build what is built.
        if not self.built or self._compile_metrics is not None:
            super()._maybe_symbolic_build(iterator, data_batch)
        elif self.optimizer is not None and not self.optimizer.built:
            with self.distribute_strategy.scope():
                self.optimizer.build(self.trainable_variables)

    def _require_built(self):
        if not self.built and self.input_shape_known():
            with self.distribute_strategy.scope():
                self.build(self.input_shape_known())
        if not self.built:
            raise ValueError(
                f"This {type(self).__name__} has no networks yet: they are chosen from the shape of the data. "
                "Fit it first, give an encoder and a decoder, or build it: model.build((None, 28, 28, 1))."
            )

    # --- saving -------------------------------------------------------------------------------------------------

    def get_config(self):
        """Every constructor argument, from the attribute of the same name, networks and all."""
        arguments = []
        for cls in type(self).__mro__[: type(self).__mro__.index(LatentVariableModel) + 1]:
            parameters = inspect.signature(cls.__init__).parameters.values()
            passes_on = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
            arguments += [p.name for p in parameters if p.name != "self" and p.kind is not p.VAR_KEYWORD]
            if not passes_on:  # the constructor fixes its parents' arguments
                break
        config = {name: _plain(getattr(self, name)) for name in dict.fromkeys(arguments)}
        config = {name: keras.saving.serialize_keras_object(value) for name, value in config.items()}
        return {"name": self.name, **config}

    def save_own_variables(self, store):
        """The weights, and where the random draws stand: a training that goes on does not repeat its noise."""
        super().save_own_variables(store)
        store["seed_state"] = self.seed_generator.state.numpy()

    def load_own_variables(self, store):
        names = set(store.keys())
        if "seed_state" in names:
            self.seed_generator.state.assign(np.asarray(store["seed_state"]))
        super().load_own_variables({name: store[name] for name in names - {"seed_state"}})

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(
            **{
                name: keras.saving.deserialize_keras_object(value, custom_objects=custom_objects)
                for name, value in config.items()
            }
        )


class _Watch(keras.callbacks.Callback):
    """No silent NaN and no silent nothing: an epoch of either ends in an error."""

    def on_epoch_begin(self, epoch, logs=None):
        self.batches = 0

    def on_test_begin(self, logs=None):
        self.test_batches = 0

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1

    def on_test_batch_end(self, batch, logs=None):
        self.test_batches += 1

    def on_test_end(self, logs=None):
        if not self.test_batches:
            raise ValueError(EMPTY)

    def on_epoch_end(self, epoch, logs=None):
        if not self.batches:
            raise ValueError(EMPTY)
        bad = {name: float(value) for name, value in (logs or {}).items() if not np.isfinite(value)}
        if bad:
            raise FloatingPointError(
                f"Epoch {epoch + 1} ended with {bad}. Lower the learning rate, clip gradients (clipnorm=), or check "
                "the scale of the likelihood."
            )


def _slices(data, batch_size):
    """Rows of an array or a dict of arrays, `batch_size` at a time."""
    if isinstance(data, Batch):
        raise TypeError("This verb takes data, not a prepared batch.")
    data = as_arrays(data)
    sizes = {int(part.shape[0]) for part in tree.flatten(data)}
    if not sizes:
        yield data  # an empty dict: `to_batch` says what is missing
        return
    if len(sizes) != 1 or 0 in sizes:
        raise ValueError(
            f"All parts of the data must have the same number of examples, at least one; got {sorted(sizes)}."
        )
    for start in range(0, sizes.pop(), batch_size):
        yield tree.map_structure(lambda part, start=start: part[start : start + batch_size], data)


def _means(distributions):
    if isinstance(distributions, dict):
        return {name: distribution.mean() for name, distribution in distributions.items()}
    return distributions.mean()


def _plain(value):
    """Variables as numbers, tracked containers as the built-in ones, for a configuration."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return float(value.numpy()) if isinstance(value, keras.Variable) else value
