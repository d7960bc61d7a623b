"""Networks know one leading axis, the batch; latents have several: samples, subsets, values of a traversal."""

import tensorflow as tf


def folded(
    network, inputs: list[tf.Tensor], lead_ndims: list[int], training: bool | None = None
) -> tuple[tf.Tensor, int]:
    """Calls a network on inputs whose leading axes are folded into its batch, and unfolded again.

    Args:
        network: of one input, or of a list of them.
        inputs: `[*lead, *event]` each; leading axes are broadcast against each other.
        lead_ndims: how many of each input's axes are leading ones.
        training: as Keras's layers take it.

    Returns:
        The output, `[*lead, *features]`, and the number of its leading axes.

    Raises:
        ValueError: the leading axes do not fit.
    """
    static = tf.TensorShape([])
    try:
        for part, ndims in zip(inputs, lead_ndims, strict=True):
            static = tf.broadcast_static_shape(static, part.shape[:ndims])
    except ValueError:
        raise ValueError(
            "Latents and condition must be of as many examples; got the shapes "
            f"{' and '.join(str(list(part.shape)) for part in inputs)}."
        ) from None
    lead = tf.shape(inputs[0])[: lead_ndims[0]]
    if len(inputs) > 1:
        for part, ndims in zip(inputs[1:], lead_ndims[1:], strict=True):
            lead = tf.broadcast_dynamic_shape(lead, tf.shape(part)[:ndims])
        events = [part.shape[ndims:] for part, ndims in zip(inputs, lead_ndims, strict=True)]
        inputs = [
            tf.ensure_shape(tf.broadcast_to(part, tf.concat([lead, event], axis=0)), [*static, *event])
            for part, event in zip(inputs, events, strict=True)
        ]
    flat = [tf.reshape(part, [-1, *part.shape[len(static) :]]) for part in inputs]
    features = network(flat[0] if len(flat) == 1 else flat, training=training)
    event = features.shape[1:]
    unfolded = tf.reshape(features, tf.concat([lead, event], axis=0))
    unfolded.set_shape([*static, *event])
    return unfolded, len(static)
