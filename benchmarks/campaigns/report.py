"""What a campaign prints: a table of outcomes, and each fault by itself."""

import collections
from collections.abc import Collection, Mapping, Sequence


def report(results: Sequence[Mapping[str, object]], fine: Collection[str], first: str, what: str) -> int:
    """Prints what came of a campaign; the exit status is 1 where there are faults.

    Args:
        results: `{"number": ..., "kind": ..., "outcome": ..., "text": ...}` each.
        fine: outcomes that are no faults.
        first: header of the column of kinds.
        what: what was counted, in the plural.
    """
    outcomes = sorted({str(result["outcome"]) for result in results})
    counts = collections.Counter((result["kind"], result["outcome"]) for result in results)
    print(f"| {first} | " + " | ".join(outcomes) + " |")
    print("| --- |" + " ---: |" * len(outcomes))
    for kind in dict.fromkeys(result["kind"] for result in results):
        row = " | ".join(str(counts[kind, outcome]) for outcome in outcomes)
        print(f"| {str(kind).replace('_', ' ')} | {row} |")
    faults = [result for result in results if result["outcome"] not in fine]
    print(f"\n{len(results)} {what}, {len(faults)} faults.")
    for fault in faults:
        print(f"{fault['number']} {fault['kind']}: {fault['outcome']}. {str(fault['text'])[:400]}")
    return 1 if faults else 0
