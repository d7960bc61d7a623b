"""Transposed convolutions to few channels, as decoders of images end in, in the way that is fast on CPUs."""

import keras
import tensorflow as tf

FEW = 4  # channels; to more, TensorFlow's own way is the faster one


@keras.saving.register_keras_serializable("keras_vae")
class SubpixelConv2DTranspose(keras.layers.Conv2DTranspose):
    """Keras's layer with its arguments, weights and values, computed on CPUs as a sub-pixel convolution (Shi et al.
    2016, section 3): `[batch, height, width, channels]` to `[batch, stride * height, stride * width, filters]`.

    That is so where the kernel is as large as the stride, and for kernel 4, stride 2 and at most four filters, all with
    padding "same". To three filters it takes half of the time; gradients take about as long as ever.
    """

    def call(self, inputs):
        regular = self.padding == "same" and self.data_format == "channels_last" and self.output_padding is None
        known = regular and self.dilation_rate == (1, 1) and None not in inputs.shape[1:3]
        if not known or tf.config.list_physical_devices("GPU"):
            return super().call(inputs)
        kernel = tf.convert_to_tensor(self.kernel)
        if self.kernel_size == self.strides == self.strides[::-1]:
            outputs = _apart(inputs, kernel)
        elif (self.kernel_size, self.strides) == ((4, 4), (2, 2)) and self.filters <= FEW:
            outputs = _overlapping(inputs, kernel)
        else:
            return super().call(inputs)
        return self.activation(outputs + self.bias if self.use_bias else outputs)


def _apart(x, kernel):
    """Where the images of input pixels do not overlap; of a kernel `[stride, stride, filters, channels]`."""
    stride, channels = kernel.shape[0], kernel.shape[3]
    weights = tf.reshape(tf.transpose(kernel, [3, 0, 1, 2]), [channels, -1])
    products = tf.reshape(tf.matmul(tf.reshape(x, [-1, channels]), weights), [-1, *x.shape[1:3], weights.shape[1]])
    return tf.nn.depth_to_space(products, stride)


@tf.custom_gradient
def _overlapping(x, kernel):
    """Of a kernel `[4, 4, filters, channels]` at stride 2: each pixel is a sum over two by two input pixels."""
    (height, width), (filters, channels) = x.shape[1:3], kernel.shape[2:]
    # Row 2i sums kernel rows 3 and 1 of input rows i - 1 and i, row 2i + 1 rows 2 and 0 of i and i + 1; columns alike.
    weights = tf.reshape(tf.reverse(kernel, [0, 1]), [2, 2, 2, 2, filters, channels])
    weights = tf.reshape(tf.transpose(weights, [0, 2, 5, 1, 3, 4]), [2, 2, channels, 4 * filters])
    sums = tf.nn.conv2d(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]), weights, 1, "VALID")
    sums = tf.reshape(sums, [-1, height + 1, width + 1, 2, 2, filters])
    rows = [
        tf.stack([sums[:, row : row + height, column : column + width, row, column] for column in (0, 1)], axis=3)
        for row in (0, 1)
    ]

    def gradients(gradient):
        # Those of the sums above take several times as long.
        backward = {"strides": [1, 2, 2, 1], "padding": "SAME"}
        by_kernel = tf.raw_ops.Conv2DBackpropFilter(
            input=gradient, filter_sizes=kernel.shape, out_backprop=x, **backward
        )
        return tf.nn.conv2d(gradient, kernel, **backward), by_kernel

    return tf.reshape(tf.stack(rows, axis=2), [-1, 2 * height, 2 * width, filters]), gradients
