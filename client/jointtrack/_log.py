"""The logger of the client, "jointtrack". It says nothing until the program sets up logging.

DEBUG: each call with its status, time and request id. WARNING: a stream that is interrupted and
tried again.
"""

import logging

LOG = logging.getLogger("jointtrack")
LOG.addHandler(logging.NullHandler())
