"""What fastcache and its peers do in the situations that stampedes are made of: ``python -m bench.situations``.

    situation x subject --> a child process --> a few words, "hangs" or how it crashed --> the table

A situation is played against a subject, one library in its best configuration, with public names only.
"""
