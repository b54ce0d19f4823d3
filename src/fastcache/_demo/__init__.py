"""The demo: stampedes and an outage replayed against a real database, with and without protection.

    arrivals -> strategy -> pool -> database          one play: real threads, real queries
                   |          |
                   `--------> record (run.jsonl)      every request and every query
                                |
                             measure                  percentiles, bins, lifetimes
                              /  |  \\
                         report png page              drawn from the record alone

Needs the extra ``demo`` (rich, matplotlib); nothing here is imported by ``import fastcache``.
"""
