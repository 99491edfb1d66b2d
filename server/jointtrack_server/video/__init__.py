"""A whole video to a report: an annotated video, tables, a summary and plots.

The command ``jointtrack video``; needs the extra ``jointtrack[report]``.
"""
