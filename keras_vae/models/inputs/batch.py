"""What models work on: one batch in standard form."""

from collections.abc import Callable, Sequence
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
        memo: None, or what was computed of this batch and is wanted again, for the length of a step: `once` keeps it.
    """

    x: Any
    observed: Any = None
    condition: Any = None
    weight: Any = None
    training: bool = False
    memo: Any = None

    def once(self, name: Any, inputs: Sequence[Any], make: Callable) -> Any:
        """`make(*inputs)`, the same one again where the inputs are the same objects: dropout drops the same."""
        if self.memo is None:
            return make(*inputs)
        key = name, *map(id, inputs)
        if key not in self.memo:
            self.memo[key] = inputs, make(*inputs)  # with the inputs, or others might get their ids
        return self.memo[key][1]
