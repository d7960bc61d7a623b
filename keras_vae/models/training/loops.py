"""Keras's loops, as a latent-variable model goes through them."""

from typing import Any

import keras
import tensorflow as tf
from keras import ops, tree

from keras_vae import devices
from keras_vae.models.inputs import clear_errors, refuse_unused, unpack
from keras_vae.models.training.exporting import Exports
from keras_vae.models.training.loss_scale import LossScaleOptimizer
from keras_vae.models.training.options import check_options
from keras_vae.models.training.watch import Progress, Watch


class Training(Exports):
    """A model's way through Keras's loops: one call a step, a list of losses a thread, no targets."""

    def call(self, inputs, training=False):
        training = bool(training)
        self._here.losses = []
        batch = self.prepare(inputs, training)
        examples = tf.shape(tree.flatten(batch.x)[0])[0]
        several = devices.replicas_here() > 1
        if several:  # of the global batch this is a part, which the last one of an epoch may leave small or empty
            batch = devices.with_one_example(batch)._replace(weight=devices.weight(examples))
        if training:
            self.form.start(self, batch)
        terms, objective, output = self.terms(batch, training)
        if self.has_density:
            terms = {"free_energy": terms["distortion"] + terms["rate"], **terms}
        for value in objective.values():
            loss = ops.mean(value)
            self.add_loss(devices.scaled_gradient(loss, batch.weight) if several else loss)
        for name, tracker in self.trackers.items():
            counted = (tf.cast(examples > 0, "float32") * tf.ones_like(terms[name]),) if several else ()
            tracker.update_state(terms[name], *counted)
        return tree.map_structure(lambda part: part[:examples], output) if several else output

    def add_loss(self, loss):
        # Replicas, a thread each, share the model: with one list, one replica's gradient holds another's terms.
        self._here.losses = [*getattr(self._here, "losses", ()), loss]

    @property
    def losses(self):
        return [*getattr(self._here, "losses", ()), *super().losses]

    def compute_metrics(self, *args, **kwargs):
        logs = super().compute_metrics(*args, **kwargs)
        # Keras 3.15 averages what workers return over a first axis, which a number lacks.
        return {name: ops.reshape(value, (1,)) for name, value in logs.items()} if devices.on_workers() else logs

    def compile(self, optimizer: Any = "adam", **kwargs: Any) -> None:
        """As `keras.Model.compile`, without `loss`; scales the loss where the global policy is mixed_float16.

        Raises:
            ValueError: a loss, or metrics, which compare outputs with targets: there are none.
        """
        for name in ("loss", "loss_weights", "metrics", "weighted_metrics"):
            if kwargs.get(name):
                raise ValueError(
                    f"compile({name}=...) is not used: the loss is the model's objective (objective=), and there are "
                    "no targets for a loss or a metric. History has free_energy, distortion and rate."
                )
        optimizer = self.optimizers(keras.optimizers.get(optimizer))
        scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        if keras.config.dtype_policy().name == "mixed_float16" and not scaled:
            optimizer = LossScaleOptimizer(optimizer)
        super().compile(optimizer, **kwargs)

    def optimizers(self, optimizer: Any) -> Any:
        """The optimizer of all weights, of the one for the model: with a critic's beside it where there is a critic."""
        own = getattr(self.objective, "critic_optimizer", None)
        chosen = isinstance(optimizer, (keras.optimizers.LossScaleOptimizer, keras.optimizers.MultiOptimizer))
        if own is None or chosen:
            return optimizer
        return keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(optimizer, {".*/critic/.*": own()}))

    def compile_from_config(self, config):
        """Compiles a loaded model as it was saved, its optimizer's state to follow."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built:
            self.optimizer.build(self.trainable_variables)

    def _with_own(self, callbacks, verbose, watched=True):
        """The user's callbacks with the model's own before them and one that watches after; and a bar of our own,
        unless none is wanted or the user brings one."""
        if isinstance(callbacks, keras.callbacks.CallbackList):
            return callbacks  # whoever makes one sees to all that is called
        given = callbacks if isinstance(callbacks, (list, tuple)) else [callbacks] if callbacks is not None else []
        given = [*self.own_callbacks(), *given, Watch()] if watched else [*given]
        brought = any(isinstance(callback, keras.callbacks.ProgbarLogger) for callback in given)
        return given if brought or not verbose else [*given, Progress()]

    def own_callbacks(self) -> list:
        """Callbacks of every `fit` and `evaluate`, before the user's: what these save is up to date."""
        return []

    def fit(
        self,
        x: Any = None,
        y: None = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: None = None,
        sample_weight: None = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """As `keras.Model.fit`: `x` is an array, a dict of arrays, a `tf.data.Dataset` or a `keras.utils.PyDataset` of
        them. No `y`.

        On one device tf.data is not tuned, unless the data set's `options.autotune.enabled` is True: its tuner may keep
        the end of `fit` waiting for as long as the training took, up to a minute.

        Raises:
            TypeError, ValueError: `y`, weights or data that the model cannot take; the message says what is accepted.
            FloatingPointError: a term of the loss became NaN or infinite.
        """
        refuse_unused(y=y, sample_weight=sample_weight, class_weight=class_weight)
        options = {"batch_size": batch_size, "epochs": epochs, "verbose": verbose, "validation_split": validation_split}
        check_options(**options, callbacks=callbacks, shuffle=shuffle, **kwargs)
        with clear_errors():
            x = self.accept(x, steps_per_epoch=kwargs.get("steps_per_epoch"))
            if validation_data is not None:
                validation_data = self.accept(validation_data, validation_steps=kwargs.get("validation_steps"))
            return super().fit(
                x,
                callbacks=self._with_own(callbacks, verbose),
                validation_data=validation_data,
                shuffle=shuffle and not isinstance(x, tf.data.Dataset),  # or Keras warns that it does not
                **options,
                **kwargs,
            )

    def evaluate(
        self,
        x: Any = None,
        y: None = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: None = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """As `keras.Model.evaluate`, on the data that `fit` takes; of one draw of the latents an example."""
        refuse_unused(y=y, sample_weight=sample_weight)
        options = {"batch_size": batch_size, "verbose": verbose, "steps": steps, "return_dict": return_dict}
        check_options(**options, callbacks=callbacks)
        with clear_errors():
            if "_use_cached_eval_dataset" not in kwargs:  # else it is `fit` that asks, with data already accepted
                x = self.accept(x, steps=steps)
                callbacks = self._with_own(callbacks, verbose)
            return super().evaluate(x, callbacks=callbacks, **options, **kwargs)

    def predict(
        self, x: Any, batch_size: int | None = None, verbose: Any = "auto", callbacks: Any = None, **kwargs: Any
    ) -> Any:
        """Reconstructions, those of `reconstruct`: deterministic. NumPy, shaped as the data."""
        check_options(batch_size=batch_size, verbose=verbose, callbacks=callbacks, **kwargs)
        with clear_errors():
            callbacks = self._with_own(callbacks, verbose, watched=False)
            options = {"batch_size": batch_size, "verbose": verbose, "callbacks": callbacks}
            return super().predict(self.accept(x, steps=kwargs.get("steps")), **options, **kwargs)

    def predict_step(self, data):
        return self.reconstruction(self.prepare(unpack(data)))

    def train_on_batch(self, x: Any, y: None = None, sample_weight: None = None, **kwargs: Any) -> Any:
        """As `keras.Model.train_on_batch`, on a checked batch."""
        check_options(**kwargs)
        return super().train_on_batch(self._one_batch(x, y, sample_weight), **kwargs)

    def test_on_batch(self, x: Any, y: None = None, sample_weight: None = None, **kwargs: Any) -> Any:
        """As `keras.Model.test_on_batch`, on a checked batch."""
        check_options(**kwargs)
        return super().test_on_batch(self._one_batch(x, y, sample_weight), **kwargs)

    def predict_on_batch(self, x: Any) -> Any:
        """Reconstructions of a checked batch, as `predict`."""
        return super().predict_on_batch(self._one_batch(x))

    def _one_batch(self, x, y=None, sample_weight=None):
        refuse_unused(y=y, sample_weight=sample_weight)
        with clear_errors():
            return tree.map_structure(tf.convert_to_tensor, self._accept_arrays(unpack(x)))

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
