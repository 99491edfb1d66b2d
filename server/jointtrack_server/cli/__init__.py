"""The commands that need the server: `jointtrack serve`, `keys`, `plans` and `models`.

The client's command line finds them by entry point (group "jointtrack.commands").
"""
