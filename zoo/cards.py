"""Cards and tables, made from recipes and `metrics.json`."""

import inspect

from keras_vae.zoo import entries


def card(name):
    """The card of an entry, Markdown: what it is, how good it is, how it was measured and made."""
    return (entries.folder(name) / entries.CARD).read_text()


def render(recipe, facts):
    """The text of a card.

    Args:
        recipe: the entry's recipe, a module with a docstring.
        facts: the contents of its `metrics.json`.
    """
    training, evaluation = facts["training"], facts["evaluation"]
    overrides = f" with {training['overrides']}" if training["overrides"] else ""
    size = f"{facts['archive']['bytes'] / 1e6:.1f} MB"
    latent = f"{facts['latent_size']} latents, " if facts["latent_size"] else ""
    parts = [
        f"# {facts['entry']}: {recipe.TITLE}",
        inspect.cleandoc(recipe.__doc__),
        f"![Preview]({entries.PREVIEW})",
        f"{facts['model']}, {latent}{facts['parameters']:,} parameters, {size}. Data: {recipe.DATA}.",
        "## Measured",
        table([measured_row(row) for row in facts["metrics"]], ("metric", "value", "95 % interval", "measured on")),
        f"By `{evaluation['command']}` on the shipped weights, held-out data only, in "
        f"{_duration(evaluation['seconds'])} on {evaluation['device']}.",
        *_comparison(recipe, facts),
        "## Made",
        f"By `{training['command']}`{overrides}: {training['epochs']} epochs{_taking(training)} on "
        f"{training['device']}, Python {training['python']}, "
        + ", ".join(f"{package} {version}" for package, version in training["versions"].items())
        + f". SHA-256 of `{entries.ARCHIVE}`: `{facts['archive']['sha256']}`.",
        "## Use",
        f"```python\n{inspect.cleandoc(recipe.USE)}\n```",
        "## Licence",
        recipe.LICENCE,
    ]
    return "\n\n".join(parts) + "\n"


def _comparison(recipe, facts):
    """A recipe's `COMPARED_WITH`: the same metrics of other entries, side by side."""
    others = getattr(recipe, "COMPARED_WITH", {})
    if not others:
        return []
    labelled = {others.get(facts["entry"], f"`{facts['entry']}`"): facts}
    measured = [name for name in others if name != facts["entry"] and (entries.ROOT / name / entries.METRICS).is_file()]
    labelled |= {others[name]: entries.metrics(name) for name in measured}
    names = [row["name"] for row in facts["metrics"] if row["unit"] == "fraction" and "classifier" not in row["name"]]
    rows = []
    for label, measured in labelled.items():
        values = {row["name"]: row for row in measured["metrics"]}
        rows.append([label, *(format_value(values[name]) if name in values else "" for name in names)])
    return ["## Compared", table(rows, ("entry", *(readable(name) for name in names)))]


def measured_row(row):
    """One metric as cells: name, value, interval, provenance."""
    interval = ""
    if "standard_error" in row:
        half = 1.96 * row["standard_error"]
        interval = " to ".join(format_value({**row, "value": row["value"] + side}) for side in (-half, half))
    basis = f"{row['examples']:,} {row['split']}"
    if row.get("samples"):
        basis += f", {row['samples']:,} draw{'s' if row['samples'] > 1 else ''} each"
    return [readable(row["name"]), format_value(row), interval, basis]


def format_value(row):
    """A value with its unit, as precise as it is worth reading."""
    if row["unit"] == "fraction":
        return f"{100 * row['value']:.1f} %"
    return f"{row['value']:.2f} {row['unit']}" if row["unit"] in ("nats", "bits") else f"{row['value']:g}"


def readable(name):
    return name.replace("_", " ")


def headline(facts):
    """The entry's one figure, for lists."""
    row = next(row for row in facts["metrics"] if row["name"] == facts["headline"])
    error = ""
    if "standard_error" in row:
        error = f" ± {format_value({**row, 'value': row['standard_error']}).split()[0]}"
    value, *unit = format_value(row).split()
    return " ".join([value + error, *unit, f"({readable(row['name'])})"])


def overview_rows(kind="model"):
    """Name, data, latents, parameters, headline and size of every entry, as strings."""
    rows = []
    for name in entries.names(kind):
        facts = entries.metrics(name)
        rows.append(
            [
                name,
                facts["data"],
                str(facts["latent_size"] or ""),
                f"{facts['parameters']:,}",
                headline(facts),
                f"{facts['archive']['bytes'] / 1e6:.1f} MB",
            ]
        )
    return rows


OVERVIEW_HEADER = ("entry", "data", "latents", "parameters", "headline", "size")


def results_table():
    """The README's table of results, Markdown, from every entry's `metrics.json`."""
    rows = []
    for name in entries.names():
        for row in entries.metrics(name)["metrics"]:
            metric, value, interval, basis = measured_row(row)
            rows.append([f"[`{name}`](zoo/{name}/README.md)", metric, value, interval, basis])
    return table(rows, ("entry", "metric", "value", "95 % interval", "measured on"))


def table(rows, header):
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _taking(training):
    """How long a training took, and what is to be said of that."""
    note = f" ({training['note']})" if training.get("note") else ""
    return f" in {_duration(training['seconds'])}{note}" if training["seconds"] is not None else note


def _duration(seconds):
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds} s"
