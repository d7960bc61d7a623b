"""Networks and distributions as parts of a model: built once, checked where they meet."""

import tensorflow as tf


def build_part(part, input_shape):
    """Builds a layer that is not built yet; saved and shared ones are."""
    if not part.built:
        part.build(input_shape)


def check_decoder(decoder, input_shape, parameters_shape, likelihood):
    """Refuses a decoder whose output is not what the likelihood needs."""
    got = tuple(decoder.compute_output_shape(input_shape)[1:])
    if got != tuple(parameters_shape):
        raise ValueError(
            f"The decoder returns {list(got)} an example, but {type(likelihood).__name__} needs "
            f"{list(parameters_shape)} for these data."
        )


def known_shape(network):
    """`(None, *event)` that a network declares, or None."""
    try:
        return tuple(network.input_shape)
    except AttributeError:
        return None


def decode_with(decoder, likelihood, z, condition=None, latent_ndims=1):
    """`p(x|z)` of latents `[..., latent]`: leading axes are folded into the decoder's batch and unfolded again.

    With a condition `[batch, *condition]`, p(x|z, c) of latents `[..., batch, latent]`; leading axes are broadcast.
    `latent_ndims`: how many of the last axes of z are one example's.
    """
    given = [z] if condition is None else _together(z, condition)
    lead = given[0].shape[:-latent_ndims]
    flat = [tf.reshape(part, [-1, *part.shape[len(lead) :]]) for part in given]
    parameters = decoder(flat[0] if condition is None else flat)
    event = parameters.shape[1:]
    unfolded = tf.reshape(parameters, tf.concat([tf.shape(given[0])[:-latent_ndims], event], axis=0))
    unfolded.set_shape([*lead, *event])
    return likelihood.distribution(unfolded, batch_ndims=len(lead))


def _together(z, condition):
    """Latents and conditions with the same leading axes."""
    try:
        known = tf.broadcast_static_shape(z.shape[:-1], condition.shape[:1])
    except ValueError:
        raise ValueError(
            f"Latents and condition must be of as many examples; got {list(z.shape)} and {list(condition.shape)}."
        ) from None
    lead = tf.broadcast_dynamic_shape(tf.shape(z)[:-1], tf.shape(condition)[:1])
    parts = []
    for part, event in ((z, z.shape[-1:]), (condition, condition.shape[1:])):
        parts.append(tf.broadcast_to(part, tf.concat([lead, event], axis=0)))
        parts[-1].set_shape([*known, *event])
    return parts
