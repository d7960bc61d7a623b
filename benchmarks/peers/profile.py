"""Where our time goes in what `python -m benchmarks.peers` measures: why a goal is missed, or what is left to gain.

    python -m benchmarks.peers.profile --threads 2 --output benchmarks/profile.md

"Products" are the multiplications of matrices and the convolutions: their number, over the rate at which TensorFlow
multiplies large matrices on this machine. What a step takes beyond that is all else: draws, likelihoods, optimizer.
The parts of log p(x) are measured one by one, of one batch of images, and multiplied by the number of batches.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks.peers.worker import ROOT, THREADS
from benchmarks.peers.workloads import WORKLOADS, chosen

SAMPLES = 100  # of z, by which log p(x) is estimated
PRODUCTS = ("MatMul", "Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter")


def main():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers.profile",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--threads", type=int, default=2, help="and cores (default: 2)")
    parser.add_argument("--only", nargs="+", choices=[*WORKLOADS], default=[], help="models (default: all)")
    parser.add_argument("--quick", action="store_true", help="small images and few steps: does it run?")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("runs/profile.md"))
    arguments = parser.parse_args()
    os.environ.update(dict.fromkeys(THREADS, str(arguments.threads)))
    os.environ.update({"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"})
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.threads])
    rate, steps, epochs, likelihoods = products_per_second(), [], [], []
    with tempfile.TemporaryDirectory() as folder:
        workloads = chosen(arguments.only, arguments.quick)
        size = "quick" if arguments.quick else "whole"
        names = [each.name for each in workloads]
        subprocess.run([sys.executable, "-m", "benchmarks.peers.data", folder, size, *names], cwd=ROOT, check=True)
        for workload in workloads:
            parts = profile(workload, pathlib.Path(folder, workload.name), rate)
            for rows, cells in zip((steps, epochs, likelihoods), parts, strict=True):
                rows += [[workload.name, *cells]] if cells else []
            print(workload.name, *parts, flush=True)
    text = (
        f"    python -m benchmarks.peers.profile {' '.join(sys.argv[1:])}\n\n"
        f"{rate / 1e9:.0f} billion multiplications and additions in float32 a second, of matrices of 2048 x 2048.\n\n"
        "A training step, and the least time that its products can take:\n\n"
        f"{table(['model', 'step, ms', 'products, ms', 'share'], steps)}\n"
        "An epoch: its steps as they take alone, its batches read alone, the test images measured, and the rest, which "
        "is how `fit` begins and ends, and what runs at once getting in each other's way:\n\n"
        f"{table(['model', 'epoch, s', 'steps', 'batches', 'test images', 'rest'], epochs)}\n"
        f"log p(x) of many images by {SAMPLES} draws: the decoders alone, the least time that their products can take, "
        "log p(x|z) of what they return, the encodings and the draws of z with their densities:\n\n"
        f"{table(['model', 'log p(x), s', 'decoders', 'their products', 'log p(x given z)', 'draws'], likelihoods)}"
    )
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(text)
    print(f"Wrote {arguments.output}")


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def seconds(function, rounds=5):
    """Median seconds of a call, after one that compiles."""
    function()
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        function()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def products_per_second():
    """Multiplications and additions a second of large float32 matrices, the best of ten products."""
    import tensorflow as tf

    matrix = tf.random.normal([2048, 2048])
    multiply = tf.function(lambda: tf.reduce_sum(tf.matmul(matrix, matrix)), autograph=False)
    return 2 * 2048**3 / min(seconds(lambda: multiply().numpy(), rounds=1) for _ in range(10))


def products_in(function, *arguments):
    """Multiplications and additions in the products of a function of tensors, counted by TensorFlow in its graph."""
    import tensorflow as tf

    graph = tf.function(function, autograph=False).get_concrete_function(*arguments).graph
    outputs = [tensor.op.name for tensor in graph.outputs]
    # Without what no output needs, as the gradient by the images.
    needed = tf.compat.v1.graph_util.extract_sub_graph(graph.as_graph_def(), outputs).node
    names = {node.name for node in needed if node.op in PRODUCTS}
    profiler = tf.compat.v1.profiler
    options = {**profiler.ProfileOptionBuilder.float_operation(), "output": "none"}
    left, count = [profiler.profile(graph, cmd="scope", options=options)], 0
    while left:
        node = left.pop()
        left += node.children
        count += node.float_ops if node.name in names else 0
    return count


def profile(workload, folder, rate):
    """Cells of the three tables; None where there is nothing to measure.

    Args:
        rate: of `products_per_second`.
    """
    import tensorflow as tf

    from benchmarks.peers.ours import Library

    library = Library(workload, folder)
    library.prepare()
    model, x = library.model, tf.nest.map_structure(tf.constant, library.floats(workload.batch_size))

    def gradients():
        with tf.GradientTape() as tape:
            model(x, training=True)
            loss = tf.add_n(model.losses)
        return tape.gradient(loss, [weight.value for weight in model.trainable_variables])

    step = seconds(library.step) / workload.steps
    products = products_in(gradients) / rate
    steps = [f"{1000 * step:.3g}", f"{1000 * products:.3g}", f"{products / step:.0%}"]

    train, test = library.dataset("train"), library.dataset("test")
    epoch = seconds(lambda: model.fit(library.dataset("train"), validation_data=library.dataset("test"), verbose=0))
    parts = [
        step * int(train.cardinality()),
        seconds(lambda: [None for _ in model.accept(train)]),
        seconds(lambda: model.evaluate(test, verbose=0)),
    ]
    epochs = [f"{part:.2f}" for part in (epoch, *parts, epoch - sum(parts))]
    if "likelihood_100" not in workload.measures:
        return steps, epochs, None
    return steps, epochs, likelihood(workload, library, rate)


def likelihood(workload, library, rate):
    """Cells of log p(x): what the whole takes, and its parts, measured of one batch and taken as often."""
    import tensorflow as tf

    from keras_vae.models.verbs import draws_at_a_time

    model, x = library.model, library.floats(workload.many)
    examples = min(workload.many, 100)  # of a batch, by default
    batch = model.prepare(tf.nest.map_structure(lambda part: tf.constant(part[:examples]), x))
    chunk = draws_at_a_time(SAMPLES, examples)
    parts, batches = -(-SAMPLES // chunk), workload.many / examples
    z = model.proposal(batch).sample(chunk)
    images = batch.x if isinstance(x, dict) else {"x": batch.x}
    decoders = model.decoders if isinstance(x, dict) else {"x": model.decoder}
    likelihoods = model.likelihood if isinstance(x, dict) else {"x": model.likelihood}

    def decode():
        return {name: decoder(tf.reshape(z, [-1, z.shape[-1]])) for name, decoder in decoders.items()}

    decoded = {name: tf.reshape(part, [chunk, examples, *part.shape[1:]]) for name, part in decode().items()}

    def given():
        return [likelihoods[name].distribution(part, 2).log_prob(images[name]) for name, part in decoded.items()]

    def draws():
        q, prior = model.proposal(batch), model.prior_of(batch)
        several = [q.sample(chunk, seed=(0, part)) for part in range(parts)]
        return [q.log_prob(z) + prior.log_prob(z) for z in several]

    def of_all(function, times):
        compiled = tf.function(function, autograph=False)
        return batches * seconds(lambda: [compiled() for _ in range(times)])

    whole = seconds(lambda: model.log_likelihood(x, samples=SAMPLES, seed=0))
    products = batches * parts * products_in(decode) / rate
    cells = whole, of_all(decode, parts), products, of_all(given, parts), of_all(draws, 1)
    return [f"{part:.2f}" for part in cells]


if __name__ == "__main__":
    main()
