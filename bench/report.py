"""The report: measures, prints tables and a verdict for each goal; with --save writes results, charts and the page."""

from __future__ import annotations

import argparse
import sys
import time

from bench import page, plan, record, surroundings, tables, workloads


def main() -> None:
    everything = [*workloads.BY_NAME, *plan.MEASURES]
    parser = argparse.ArgumentParser(prog="python -m bench.report", description=__doc__)
    parser.add_argument("--rounds", type=int, help=f"rounds of each contest (default: {plan.FULL.rounds})")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help=f"part of the whole; repeat it: {', '.join(everything)}",
    )
    parser.add_argument("--quick", action="store_true", help="less than a minute; figures to look at, not to quote")
    parser.add_argument(
        "--save", action="store_true", help="write bench/results/ and the section of docs/performance.md"
    )
    parser.add_argument(
        "--write", action="store_true", help="measure nothing; write charts and section from what is saved"
    )
    options = parser.parse_args()
    if options.write:
        print(page.write(record.saved()))
        return
    if not plan.chosen(everything, options.only):
        parser.error(f"--only names nothing that there is: {', '.join(everything)}")
    if options.save and (options.quick or options.only):
        parser.error("only a full run is saved")
    effort = plan.QUICK if options.quick else plan.FULL
    if options.rounds:
        effort = effort._replace(rounds=options.rounds)

    started, about = time.monotonic(), surroundings.describe()
    contests, others, failed = plan.measure(
        effort, options.only, lambda what: print(f"{time.monotonic() - started:5.0f} s  {what}", file=sys.stderr)
    )
    outcome = record.record(contests, others, {**about, "rounds": effort.rounds, "partial": bool(options.only)}, failed)
    print("\n".join(tables.lines(outcome)))
    if options.quick:
        print("quick: fewer entries and shorter rounds than the goals are set for")
    if options.save:
        print(record.save(outcome))
        print(page.write(record.saved()))


if __name__ == "__main__":
    main()
