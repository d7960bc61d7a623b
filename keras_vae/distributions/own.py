"""What TFP asks of every distribution of our own."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


class OwnDistribution(tfd.Distribution):
    """A distribution whose draws pass no gradient on, or not wholly: subclasses give `_log_prob`, `_sample_n`, shapes.

    Args:
        dtype: of the draws.
        parameters: the constructor's arguments by name.
        reparameterization_type: TFP's; by default draws pass no gradient on.
    """

    def __init__(
        self,
        dtype: tf.DType,
        parameters: dict[str, Any],
        reparameterization_type: Any = tfd.NOT_REPARAMETERIZED,
        name: str | None = None,
    ) -> None:
        super().__init__(
            dtype=dtype,
            reparameterization_type=reparameterization_type,
            validate_args=False,
            allow_nan_stats=True,
            parameters=parameters,
            name=name or type(self).__name__,
        )


class Unbatched(OwnDistribution):
    """One distribution alone, of no batch.

    Args:
        event: its event shape.
        *args: of `OwnDistribution`.
    """

    def __init__(self, event: tuple[int, ...], *args: Any) -> None:
        self._event = tuple(event)
        super().__init__(*args)

    def _batch_shape(self):
        return tf.TensorShape([])

    def _batch_shape_tensor(self):
        return tf.constant([], tf.int32)

    def _event_shape(self):
        return tf.TensorShape(self._event)

    def _event_shape_tensor(self):
        return tf.constant(self._event, tf.int32)


def event_ndims(**counts: int) -> classmethod:
    """TFP's `_parameter_properties`, from how many axes of each parameter are an event's."""

    def properties(cls, dtype, num_classes=None):
        return {name: tfp.util.ParameterProperties(event_ndims=count) for name, count in counts.items()}

    return classmethod(properties)
