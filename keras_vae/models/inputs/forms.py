"""The forms that data take: one array, an array with a condition, modalities by name. Each knows its whole way to a
`Batch`."""

from typing import Any

import tensorflow as tf

from keras_vae.models.inputs.arrays import OBSERVED
from keras_vae.models.inputs.batch import Batch
from keras_vae.models.inputs.values import assert_finite, assert_shape, assert_support, warn_of_reach
from keras_vae.networks import known_shape

X, CONDITION = "x", "condition"
NOT_OBSERVED = 'Remove or replace them, or give "observed": {{{!r}: mask}};'


class OneArray:
    """Data of one kind: an array `[examples, *event]`, for a model with `event_shape`, `likelihood` and `encoder`."""

    advice = "Remove or replace them;"

    def require(self, model: Any, data: Any) -> None:
        """Refuses data of another form."""
        if isinstance(data, dict):
            raise TypeError(
                f"{type(model).__name__} takes one array (for several modalities: MVAE; with a condition: CVAE); "
                f"got a dict of {sorted(map(str, data))}."
            )

    def known_shapes(self, model: Any) -> Any:
        """Shapes that the given networks declare, or None before they are chosen from the data."""
        return model.encoder and known_shape(model.encoder)

    def to_batch(self, model: Any, data: Any) -> Batch:
        """Arrays to a `Batch` of fitting shapes."""
        x = tf.cast(data, model.likelihood.data_dtype)
        assert_shape(x, model.event_shape, X)
        return Batch(x)

    def check_before(self, model: Any, data: Any) -> None:
        """Refuses values that no model takes, of arrays that networks are still to be chosen for."""
        assert_finite(tf.convert_to_tensor(data), X, self.advice)

    def check(self, model: Any, batch: Batch) -> None:
        """Refuses values that the likelihood cannot take."""
        assert_finite(batch.x, X, self.advice)
        assert_support(batch.x, model.likelihood, X)
        warn_of_reach(batch.x, model.likelihood, model.decoder, X)

    def start(self, model: Any, batch: Batch) -> None:
        """What a step of training does before it: scales that nothing has moved start at the data's."""
        model.likelihood.start_at(batch.x, weight=batch.weight)


class MissingAllowed(OneArray):
    """As `OneArray`, for models of which some methods take NaN as missing."""

    advice = "Only fit_em, exact_posterior and log_likelihood take NaN, as missing;"


class WithCondition(OneArray):
    """`{"x": [examples, *event], "condition": [examples, *condition]}`, for a model with a `condition_shape` too."""

    def require(self, model: Any, data: Any) -> None:
        wanted = f'{type(model).__name__} takes {{"x": ..., "condition": ...}}, arrays of as many examples; got'
        if not isinstance(data, dict):
            raise TypeError(f"{wanted} {type(data).__name__}.")
        if set(data) != {X, CONDITION}:
            raise ValueError(f"{wanted} the keys {sorted(map(str, data))}.")

    def known_shapes(self, model: Any) -> Any:
        shapes = super().known_shapes(model)
        return shapes and dict(zip((X, CONDITION), shapes, strict=True))

    def require_networks(self, model: Any) -> None:
        """Refuses networks that declare another number of inputs than two."""
        for name, what in (("encoder", X), ("decoder", "z")):
            shape = known_shape(getattr(model, name))
            if shape and not (isinstance(shape, list) and len(shape) == 2):
                raise ValueError(f"The {name} of a {type(model).__name__} must take two inputs, [{what}, condition].")

    def condition_shape(self, model: Any, shapes: dict[str, Any]) -> tuple[int, ...]:
        """Shape of a condition that networks are given, of the shapes of data."""
        shape = tuple(shapes[CONDITION][1:])
        if shape == () and model.classes is None:
            raise ValueError(
                "The condition has one number an example. Give classes one-hot, [examples, classes], or their numbers "
                "and CVAE(classes=10); give a magnitude as [examples, 1]."
            )
        return shape or (model.classes,)

    def check_before(self, model: Any, data: Any) -> None:
        for name in (X, CONDITION):
            assert_finite(tf.convert_to_tensor(data[name]), name)

    def to_batch(self, model: Any, data: Any) -> Batch:
        return Batch(super().to_batch(model, data[X]).x, condition=self.condition(model, data[CONDITION]))

    def condition(self, model: Any, condition: Any) -> tf.Tensor:
        """A condition, float32 `[batch, *condition]`; whole numbers of classes one-hot."""
        if model.classes is not None and len(condition.shape) == 1:
            numbers = tf.cast(condition, "int32")
            # -1 has no one: what is no class is found by `check`
            whole = tf.cast(numbers, "float32") == tf.cast(condition, "float32")
            return tf.one_hot(tf.where(whole, numbers, -1), model.classes)
        condition = tf.cast(condition, "float32")
        assert_shape(condition, model.condition_shape, CONDITION)
        return condition

    def check(self, model: Any, batch: Batch) -> None:
        super().check(model, batch)
        self.check_condition(model, batch.condition)

    def check_condition(self, model: Any, condition: tf.Tensor) -> None:
        """Refuses conditions that are not finite, or no class."""
        assert_finite(condition, CONDITION)
        if model.classes is not None:
            assert_support(condition, model.label_likelihood, CONDITION)


class ByModality:
    """`{modality: [examples, *event]}`, and `"observed": {modality: mask}` beside them, with a boolean a row; for a
    multimodal model. What stands in unobserved rows is never read, NaN included."""

    def require(self, model: Any, data: Any) -> None:
        if not isinstance(data, dict):
            raise TypeError(
                f"{type(model).__name__} takes a dict of arrays by modality, such as "
                f'{{"image": ..., "sound": ...}}; got {type(data).__name__}.'
            )
        masks = data.get(OBSERVED, {})
        if not isinstance(masks, dict):
            raise TypeError(f'"observed" must be a dict of masks by modality; got {type(masks).__name__}.')

    def check_before(self, model: Any, data: Any) -> None:
        masks = data.get(OBSERVED, {})
        for name in set(data) - {OBSERVED} - set(masks):  # under a mask anything may stand
            assert_finite(tf.convert_to_tensor(data[name]), name, NOT_OBSERVED.format(name))

    def known_shapes(self, model: Any) -> Any:
        return model.encoders and {name: known_shape(model.encoders[name]) for name in model.modalities}

    def to_batch(self, model: Any, data: Any) -> Batch:
        masks = data.get(OBSERVED, {})
        present = [name for name in model.modalities if name in data]
        unknown = (set(data) - {OBSERVED} - set(present)) | (set(masks) - set(present))
        if unknown:
            raise ValueError(
                f"Unknown modality, or a mask without its data: {sorted(map(str, unknown))}. "
                f"This model has {list(model.modalities)}."
            )
        if not present:
            raise ValueError(f"No modality is given; pass at least one of {list(model.modalities)}, or use sample().")
        x, observed = {}, {}
        for name in present:
            values = tf.cast(data[name], model.likelihood[name].data_dtype)
            assert_shape(values, model.event_shapes[name], name)
            mask = _mask(masks[name], name) if name in masks else tf.ones(tf.shape(values)[:1], "bool")
            observed[name] = mask
            fits = tf.reshape(mask, [-1] + [1] * len(model.event_shapes[name]))
            x[name] = tf.where(fits, values, tf.zeros([], values.dtype))
        return Batch(x, observed)

    def check(self, model: Any, batch: Batch) -> None:
        for name, values in batch.x.items():
            assert_finite(values, name, NOT_OBSERVED.format(name))
            rows = tf.boolean_mask(values, batch.observed[name]) if model.likelihood[name].one_hot else values
            assert_support(rows, model.likelihood[name], name)
            warn_of_reach(values, model.likelihood[name], model.decoders[name], name)

    def start(self, model: Any, batch: Batch) -> None:
        for name, values in batch.x.items():
            model.likelihood[name].start_at(values, batch.observed[name], batch.weight)


def _mask(mask, name):
    """A mask of rows, boolean `[batch]`.

    Raises:
        TypeError, ValueError: another shape, or neither booleans nor whole numbers; other numbers than 0 and 1.
    """
    if mask.shape.rank != 1 if tf.is_tensor(mask) else len(mask.shape) != 1:
        raise ValueError(f"The mask of {name} must have the shape [batch]; got {list(mask.shape)}.")
    mask = tf.convert_to_tensor(mask)
    if mask.dtype.is_floating:
        raise TypeError(f"The mask of {name} must be boolean, or of 0 and 1; got {mask.dtype.name}.")
    if mask.dtype == tf.bool:
        return mask
    outside = tf.reduce_any((mask != 0) & (mask != 1))
    tf.debugging.Assert(~outside, [f"keras_vae: The mask of {name} must be boolean, or of 0 and 1.%"])
    return tf.cast(mask, "bool")
