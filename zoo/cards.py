"""Cards and tables, made from recipes and `metrics.json`."""

import statistics
from typing import Any

from keras_vae.zoo import entries, files


def card(name) -> str:
    """The card of an entry, Markdown: what it is, how good it is, how it was measured and made."""
    return entries.read(entries.folder(name), entries.CARD).decode()


def render(recipe, facts) -> str:
    """The text of a card.

    Args:
        recipe: the entry's `Recipe`.
        facts: the contents of its `metrics.json`.
    """
    training, evaluation = facts["training"], facts["evaluation"]
    overrides = f" with {training['overrides']}" if training["overrides"] else ""
    size = format_size(facts["archive"]["bytes"])
    made_of = [facts["model"], latents(facts), f"{facts['parameters']:,} parameters", size]
    parts = [
        f"# {facts['entry']}: {recipe.title}",
        recipe.doc,
        f"![Preview]({entries.PREVIEW})",
        f"{', '.join(filter(None, made_of))}. Data: {facts['data']}.",
        "## Measured",
        table([measured_row(row) for row in facts["metrics"]], ("metric", "value", "95 % interval", "measured on")),
        f"By `{evaluation['command']}` on the shipped weights, {recipe.measured_on}, in "
        f"{_duration(evaluation['seconds'])} on {evaluation['device']}.",
        *_comparison(recipe, facts),
        "## Made",
        f"By `{training['command']}`{overrides}: {training['epochs']} epochs{_taking(training)} on "
        f"{training['device']}, Python {training['python']}, "
        + ", ".join(f"{package} {version}" for package, version in training["versions"].items())
        + f". SHA-256 of `{entries.ARCHIVE}`: `{facts['archive']['sha256']}`.",
        "## Use",
        f"```python\n{recipe.example(facts['entry'])}\n```",
        "## Licence",
        recipe.licence,
    ]
    return "\n\n".join(parts) + "\n"


def _comparison(recipe, facts):
    """The same metrics of other entries and of the entry's own baselines, side by side: what the recipe's
    `compared_with` names; over seeds where there are any."""
    others, measured = recipe.compared_with, {}
    if not others:
        return []
    for row in facts["metrics"]:
        baseline, _, name = row["name"].rpartition("/")
        measured.setdefault(baseline or facts["entry"], []).append({**row, "name": name})
    for other in others:
        if other not in measured and files.found(entries.ROOT / other, entries.METRICS):
            measured[other] = entries.metrics(other)["metrics"]
    names = recipe.summary or [
        row["name"] for row in measured[facts["entry"]] if row["unit"] == "fraction" and "classifier" not in row["name"]
    ]
    rows, repeated = [], False
    for name in dict.fromkeys([*([] if facts["entry"] in others else [facts["entry"]]), *others]):
        alone = [({}, [{"metrics": measured[name]}])] if name in measured else []
        for overrides, trainings in _by_overrides(entries.trainings(name)) or alone:
            changed = "".join(
                f", {key} {value:g}" if isinstance(value, (int, float)) else f", {key} {value}"
                for key, value in overrides.items()
            )
            count = f", {len(trainings)} seeds" if len(trainings) > 1 else ""
            told = trainings[0].get("label")
            label = others.get(name, f"`{name}`") + (f", {told}" if told else changed) + count
            rows.append([label, *(_mean(trainings, metric) for metric in names)])
            repeated |= len(trainings) > 1
    parts = ["## Compared", table(rows, ("entry", *(readable(name) for name in names)))]
    if repeated:
        parts.append("Of several seeds: mean ± standard deviation over trainings that differ in the seed alone.")
    return parts


def _by_overrides(trainings):
    """Trainings that differ in nothing but the seed, `[(overrides without it, trainings)]`."""
    groups = {}
    for one in trainings:
        overrides = {key: value for key, value in one["training"]["overrides"].items() if key != "seed"}
        groups.setdefault(str(sorted(overrides.items())), (overrides, []))[1].append(one)
    return list(groups.values())


def _mean(trainings, metric):
    """A metric's mean and standard deviation over trainings."""
    found = [row for one in trainings for row in one["metrics"] if row["name"] == metric]
    if not found:
        return ""
    values = [row["value"] for row in found]
    value, *unit = format_value({**found[0], "value": statistics.fmean(values)}).split()
    if len(values) > 1:
        value += f" ± {format_value({**found[0], 'value': statistics.stdev(values)}).split()[0]}"
    return " ".join([value, *unit])


def measured_row(row) -> list[str]:
    """One metric as cells: name, value, interval, provenance."""
    interval = ""
    if "standard_error" in row:
        half = 1.96 * row["standard_error"]
        interval = " to ".join(format_value({**row, "value": row["value"] + side}) for side in (-half, half))
    basis = f"{row['examples']:,} {row['split']}"
    if row.get("samples"):
        basis += f", {row['samples']:,} draw{'s' if row['samples'] > 1 else ''} each"
    return [readable(row["name"]), format_value(row), interval, basis]


def format_value(row) -> str:
    """A value with its unit, as precise as it is worth reading."""
    if row["unit"] == "fraction":
        return f"{100 * row['value']:.1f} %"
    if row["unit"] in ("score", "ratio"):
        return f"{row['value']:.{3 if row['unit'] == 'score' else 2}f}"
    if row["unit"] in ("nats", "bits"):
        return f"{row['value']:{'.2f' if abs(row['value']) >= 0.01 else '.1g'}} {row['unit']}"
    return f"{row['value']:g}"


def format_size(count) -> str:
    """Bytes, to be read."""
    return f"{count / 1e6:.1f} MB" if count > 1e5 else f"{count / 1e3:.0f} kB"


def readable(name) -> str:
    return name.replace("_", " ").replace("/", ": ")


def headline(facts) -> str:
    """The entry's one figure, for lists."""
    row = next(row for row in facts["metrics"] if row["name"] == facts["headline"])
    error = ""
    if "standard_error" in row:
        error = f" ± {format_value({**row, 'value': row['standard_error']}).split()[0]}"
    value, *unit = format_value(row).split()
    return " ".join([value + error, *unit, f"({readable(row['name'])})"])


def latents(facts, unit=" latents") -> Any:
    """How many latents an entry has: "40 latents", or "49 codes of 512" where they are codes; "" where it has none."""
    if "codes" in facts:
        return f"{facts['latents']} codes of {facts['codes']}"
    return f"{facts['latents']}{unit}" if "latents" in facts else ""


def overview_rows(kind="model") -> list[list[str]]:
    """Name, data, latents, parameters, headline and size of every entry, as strings."""
    rows = []
    for name in entries.names(kind):
        facts = entries.metrics(name)
        rows.append(
            [
                name,
                facts["data"],
                latents(facts, unit=""),
                f"{facts['parameters']:,}",
                headline(facts),
                format_size(facts["archive"]["bytes"]),
            ]
        )
    return rows


OVERVIEW_HEADER = ("entry", "data", "latents", "parameters", "headline", "size")


def results_table() -> str:
    """The README's table of results, Markdown: a row an entry, with its headline figure."""
    rows = [[f"[`{name}`](zoo/{name}/README.md)", *others] for name, *others in overview_rows()]
    return table(rows, OVERVIEW_HEADER)


def table(rows, header) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _taking(training):
    """How long a training took, and what is to be said of that."""
    note = f" ({training['note']})" if training.get("note") else ""
    return f" in {_duration(training['seconds'])}{note}" if training["seconds"] is not None else note


def _duration(seconds):
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds} s"
