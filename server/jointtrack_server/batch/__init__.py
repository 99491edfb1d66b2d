"""An archive of pictures and videos to one Parquet table that grows: the command ``jointtrack
batch``.

Needs the extra ``jointtrack[batch]``, and ``jointtrack[ray]`` to run on a Ray cluster.
"""
