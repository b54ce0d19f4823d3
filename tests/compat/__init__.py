"""The tests of other projects, run against fastcache's classes in the place of theirs."""
