"""What a run found, as JSON, as Markdown and as a picture."""

import json
import pathlib
import statistics

from benchmarks.peers.workloads import BARE_GOAL, MEASURES, MEMORY_GOAL

__all__ = ["BARE_GOAL", "line", "write"]


def write(results, output):
    """`output`.json, .md and .png; `output` has no suffix."""
    output = pathlib.Path(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n")
    output.with_suffix(".md").write_text(markdown(results))
    picture(results, output.with_suffix(".png"))


def line(row):
    """A row in words, as progress."""
    ours, theirs = (statistics.median(row[label]) for label in ("ours", "theirs"))
    return (
        f"{row['measure']:16} {ours:9.4g} {row['unit']:2}   {row['other']} {theirs:9.4g} {row['unit']:2}   "
        f"ratio {_spread(row['ratios'])}, of processor time {statistics.median(row['processor_ratios']):.2g}"
    )


def _spread(ratios):
    return f"{statistics.median(ratios):.2g} ({min(ratios):.2g} to {max(ratios):.2g})"


def _cell(row):
    """Median and spread; bold where the goal is missed."""
    missed = statistics.median(row["ratios"]) > row["goal"]
    return f"**{_spread(row['ratios'])}**" if missed else _spread(row["ratios"])


def markdown(results):
    """Tables: ratios, memory, and what the ratios are made of."""
    rows = results["rows"]
    peers = [row for row in rows if row["other"] != "bare"]
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    parts = [
        f"    {results['command']}\n\n{results['machine']}; {results['threads']} threads; {versions}.\n",
        "Time of keras_vae over that of the peer: median of the paired rounds (least to greatest). Bold where the goal "
        "in the last line is missed.\n",
        _ratios(peers),
        f"Over a TensorFlow loop written by hand, compiled alike; the goal is at most {BARE_GOAL}.\n",
        _ratios([row for row in rows if row["other"] == "bare"], goals=False),
        "Peak memory in MiB, of the whole process, and without what it holds once the library is imported; the goal is "
        "no more than the peer's.\n",
        _memory(peers),
        'Medians behind the ratios. "First" is the round that warmed up, which traces and compiles. A value is a loss, '
        "of the last batch or after an epoch of the test images, or nats of -log p(x); the libraries start from random "
        "weights of their own, so values agree only about. Processor time is that of all threads, ours over the "
        "other's: less disturbed by what else the machine does, it says how much of the gain is work saved.\n",
        _details(rows),
    ]
    return "\n".join(part for part in parts if part)


def _details(rows):
    body = []
    for row in rows:
        seconds = [f"{statistics.median(row[label]):.4g}" for label in ("ours", "theirs")]
        processor = f"{statistics.median(row['processor_ratios']):.2g}"
        first = [f"{row[f'{label}_first']:.3g}" for label in ("ours", "theirs")]
        values = [_number(row[f"{label}_value"]) for label in ("ours", "theirs")]
        title = f"{MEASURES[row['measure']].title}, {row['unit']}"
        body.append([row["model"], title, row["other"], *seconds, processor, *first, *values])
    columns = ("keras_vae", "other's", "processor time", "first", "other's first", "value", "other's")
    return _table(["model", "measure", "other", *columns], body)


def _number(value):
    return "" if value is None else f"{value:.4g}"


def _ratios(rows, goals=True):
    names = [name for name in MEASURES if any(row["measure"] == name for row in rows)]
    if not names:
        return ""
    found = {(row["model"], row["other"], row["measure"]): _cell(row) for row in rows}
    pairs = dict.fromkeys((model, other) for model, other, _ in found)
    body = [[model, other, *(found.get((model, other, name), "") for name in names)] for model, other in pairs]
    if goals:
        body.append(["goal", "", *(_goal(MEASURES[name].goal) for name in names)])
    return _table(["model", "other", *(MEASURES[name].title for name in names)], body)


def _goal(goal):
    return ", ".join(f"{kind} {value}" for kind, value in goal.items()) if isinstance(goal, dict) else f"{goal}"


def _memory(rows):
    """Of an epoch, of whatever takes most, and of that without what is held once the library is imported."""
    found = {}
    for row in rows:
        if row["measure"] != "start":
            found.setdefault((row["model"], row["other"]), []).append(row)
    body = []
    for (model, other), several in found.items():
        epochs = [row for row in several if row["measure"] == "epoch"]
        cells = []
        for these, base in ((epochs, 0), (several, 0), (several, 1)):
            peaks = [
                max(
                    (row[f"{label}_mebibytes"] - base * row[f"{label}_import_mebibytes"] for row in these), default=None
                )
                for label in ("ours", "theirs")
            ]
            cells += _memory_cells(*peaks)
        body.append([model, other, *cells])
    titles = ("epoch", "at most", "at most, over imports")
    header = ["model", "other", *(cell for title in titles for cell in (f"{title}: keras_vae", "other's", "ratio"))]
    return _table(header, body) if body else ""


def _memory_cells(ours, theirs):
    if not ours or not theirs:
        return ["", "", ""]
    ratio = f"{ours / theirs:.2f}"
    return [f"{ours:.0f}", f"{theirs:.0f}", f"**{ratio}**" if ours / theirs > MEMORY_GOAL else ratio]


def _table(header, body):
    lines = [header, ["---"] * len(header), *body]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def picture(results, path):
    """Ratios of every round on a logarithmic axis, a panel a measure; green where the goal is met."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    rows = results["rows"]
    panels = [(name, False) for name in MEASURES if any(_is(row, name, False) for row in rows)]
    panels += [(name, True) for name in MEASURES if any(_is(row, name, True) for row in rows)]
    if not panels:
        return
    counts = [sum(_is(row, name, bare) for row in rows) for name, bare in panels]
    figure, axes = plt.subplots(
        len(panels), 1, figsize=(8, 0.3 * sum(counts) + 0.55 * len(panels) + 0.6), sharex=True,
        height_ratios=[count + 0.6 for count in counts], squeeze=False, layout="constrained",
    )  # fmt: skip
    for axis, (name, bare) in zip(axes[:, 0], panels, strict=True):
        shown = [row for row in rows if _is(row, name, bare)]
        for height, row in enumerate(shown[::-1]):
            met = statistics.median(row["ratios"]) <= row["goal"]
            colour = "tab:green" if met else "tab:red"
            axis.plot([min(row["ratios"]), max(row["ratios"])], [height] * 2, color=colour, linewidth=2, alpha=0.5)
            axis.plot(statistics.median(row["ratios"]), height, "o", color=colour)
            axis.plot(row["goal"], height, "|", color="black", markersize=11)
        axis.axvline(1.0, color="grey", linewidth=0.8)
        axis.set_yticks(range(len(shown)), [row["model"] for row in shown[::-1]], fontsize=8)
        axis.set_ylim(-0.6, len(shown) - 0.4)
        other = "hand-written TensorFlow loop" if bare else "peer"
        axis.set_title(f"{MEASURES[name].title}, over the {other}'s", fontsize=9, loc="left")
        axis.grid(axis="x", which="both", alpha=0.2)
    axes[-1, 0].set_xscale("log")
    axes[-1, 0].set_xlabel("our time / the other's, median and range of rounds; the tick is the goal", fontsize=9)
    axes[-1, 0].xaxis.set_major_formatter(matplotlib.ticker.FormatStrFormatter("%g"))
    figure.savefig(path, dpi=130)
    plt.close(figure)


def _is(row, name, bare):
    return row["measure"] == name and (row["other"] == "bare") == bare
