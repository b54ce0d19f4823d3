"""The native core: entries, stripes and flights."""
