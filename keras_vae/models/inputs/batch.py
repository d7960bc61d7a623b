"""What models work on: one batch in standard form."""

from typing import Any, NamedTuple


class Batch(NamedTuple):
    """A batch in standard form.

    Attributes:
        x: tensor `[batch, *event]`, float32, or what the likelihood's `data_dtype` is; or a dict of them by modality;
            zeros where unobserved.
        observed: None, or boolean `[batch]` by modality.
        condition: None, or float32 `[batch, *condition]`, for conditional models.
        weight: None, or of one of several replicas: its examples over the mean number of those of a replica.
        training: whether networks behave as in training: dropout, augmentation.
    """

    x: Any
    observed: Any = None
    condition: Any = None
    weight: Any = None
    training: bool = False
