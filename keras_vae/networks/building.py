"""Networks of all kinds, built once and asked for shapes, whatever their makers declared."""

from typing import Any

import keras
from keras import tree

from keras_vae import checks

Network = keras.layers.Layer | None  # None: chosen from the shape of the data
Networks = dict[str, keras.layers.Layer] | None  # by modality


def network(name: str, value: Any, none: bool = True) -> Any:
    """A network as an argument: a Keras model or layer, not its class or name; None too, where `none`.

    Raises:
        TypeError: something else.
    """
    if value is None and none:
        return None
    wanted = "a Keras model or layer" + (", or None to have one chosen" if none else "")
    return checks.instance(name, value, keras.layers.Layer, wanted)


def built(layer: keras.layers.Layer, input_shape: Any) -> Any:
    """Builds a layer that is not built yet (saved and shared ones are), and returns it. Of one that is fixed, what is
    made within it is fixed too, which Keras forgets."""
    if not layer.built:
        layer.build(input_shape)
    if not layer.trainable:
        for variable in layer.variables:
            variable.trainable = False
    return layer


def output_shape(name: str, layer: keras.layers.Layer, input_shape: Any) -> tuple[int | None, ...]:
    """Shape of what a network returns, batch included; builds it where it is not.

    Args:
        name: what to call it in messages.
        input_shape: `(None, *event)`, or a list of such shapes.

    Raises:
        ValueError: it returns several tensors, or cannot be called on such inputs.
    """
    shape = _returned(name, layer, input_shape)
    if not _is_shape(shape):
        raise ValueError(
            f"The {name} must return one tensor; got {len(shape)}. A posterior's head makes location and scale of the "
            "encoder's features: return what is before them, or join them, keras.layers.Concatenate()([mean, log_var])."
        )
    return tuple(shape)


def output_shapes(name: str, layer: keras.layers.Layer, input_shape: Any, count: int) -> list[tuple[int | None, ...]]:
    """Shapes of the list of tensors that a network returns, as `output_shape`; of one tensor, where one is wanted.

    Raises:
        ValueError: it returns another number of tensors, or cannot be called on such inputs.
    """
    shapes = _returned(name, layer, input_shape)
    shapes = [shapes] if _is_shape(shapes) else list(shapes)
    if len(shapes) != count:
        raise ValueError(f"The {name} must return a list of {count} tensors; got {len(shapes)}.")
    return [tuple(shape) for shape in shapes]


def _is_shape(shape):
    return all(isinstance(side, (int, type(None))) for side in shape)


def _returned(name, layer, input_shape):
    """Shape, or shapes, of what a network returns; builds it."""
    several, declared = isinstance(input_shape, list), known_shape(layer)
    if declared is not None and not _fit(declared, input_shape):
        hint = " Its input must be of latent_size." if name.startswith("decoder") else ""
        raise ValueError(f"The {name} takes inputs of {declared}, but is given {input_shape}.{hint}")
    try:
        return built(layer, input_shape).compute_output_shape(input_shape)
    except (NotImplementedError, RuntimeError, TypeError, AttributeError):
        # A subclassed model, which declares no shapes: Keras infers them where it is called.
        inputs = tree.map_shape_structure(lambda shape: keras.KerasTensor(tuple(shape)), input_shape)
        return tree.map_structure(lambda output: tuple(output.shape), layer(list(inputs) if several else inputs))


def known_shape(layer: Any) -> Any:
    """`(None, *event)` that a network declares, a list of them where it has several inputs, or None."""
    try:
        shape = layer.input_shape
    except AttributeError:
        return None
    return list(map(tuple, shape)) if isinstance(shape, list) else tuple(shape)


def _fit(declared, given):
    """Whether shapes agree, or lists of them, where they are known."""
    if isinstance(declared, list) or isinstance(given, list):
        both = isinstance(declared, list) and isinstance(given, list) and len(declared) == len(given)
        return both and all(map(_fit, declared, given))
    pairs = zip(declared, given, strict=False)
    return len(declared) == len(given) and all(own is None or other is None or own == other for own, other in pairs)


# What the activations that a network may end in can return, where that is not every number.
_REACHES = {
    **dict.fromkeys(("sigmoid", "hard_sigmoid", "softmax"), (0.0, 1.0)),
    **dict.fromkeys(("tanh", "hard_tanh", "softsign"), (-1.0, 1.0)),
    **dict.fromkeys(("relu", "softplus", "exponential"), (0.0, float("inf"))),
    "relu6": (0.0, 6.0),
    "elu": (-1.0, float("inf")),
    "selu": (-1.76, float("inf")),
}
# Layers and operations that leave values as they are.
_SHAPING = (
    "Reshape",
    "Flatten",
    "Permute",
    "Transpose",
    "Cropping2D",
    "Cropping1D",
    "UpSampling2D",
    "Dropout",
    "Identity",
)


def ends_in(layer: keras.layers.Layer) -> str | None:
    """Name of the activation that a network's outputs come from, reshapes and the like left out; None where it cannot
    be told."""
    for last in reversed(getattr(layer, "operations", None) or getattr(layer, "layers", ())):
        kind = type(last).__name__
        if getattr(last, "layers", None):
            return ends_in(last)
        activation = last if isinstance(last, keras.layers.Activation) else getattr(last, "activation", None)
        if activation is not None:
            activation = getattr(activation, "activation", activation)
            return getattr(activation, "__name__", None)
        if kind not in _SHAPING:
            return kind.lower() if kind.lower() in _REACHES else None  # keras.layers.ReLU, keras.ops.sigmoid
    return None


def reach(layer: keras.layers.Layer) -> tuple[float, float]:
    """Lowest and highest number that a network can return, as far as its last activation tells; for all that is known
    any number."""
    return _REACHES.get(ends_in(layer), (-float("inf"), float("inf")))
