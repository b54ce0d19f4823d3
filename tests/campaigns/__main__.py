"""The campaigns from the command line: the list of them, one by its name, or all, one after the other."""

from __future__ import annotations

import argparse
import random
import sys

from tests.campaigns._campaign import campaign, names
from tests.campaigns._course import run


def main() -> int:
    parser = argparse.ArgumentParser(prog="make campaign", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    parser.add_argument("--list", action="store_true", help="what there is, with both sizes")
    parser.add_argument("--seed", type=int, help="default: drawn anew for each")
    parser.add_argument("--size", type=int, help="default: the long one")
    parser.add_argument("--quick", action="store_true", help="the size that the suite has")
    asked = parser.parse_args()
    try:
        chosen = {name: campaign(name) for name in asked.names or names()}
    except ValueError as error:
        parser.error(str(error))
    if asked.list:
        for name, one in chosen.items():
            print(f"{name:18} {one.what}\n{'':18} {one.quick:,} or {one.long:,} {one.unit}")
        return 0
    found = 0
    for name, one in chosen.items():
        size = (asked.size or (one.quick if asked.quick else one.long)) or 1
        seed = random.randrange(10**6) if asked.seed is None else asked.seed
        print(f"{name}: {size:,} {one.unit}, seed {seed}", flush=True)
        # A size of somebody's own has the time that it needs, as far as that can be told.
        course = run(name, size, seed, max(one.limit) * max(1, size / one.long))
        print(f"{name}: {course.seconds:.0f} s, {'held' if course.held else 'FOUND'}: {course.result}", flush=True)
        if not course.held:
            found += 1
            print(f"{name}: again with ARGS='{name} --size {size} --seed {seed}'", flush=True)
    return min(found, 1)


if __name__ == "__main__":
    sys.exit(main())
