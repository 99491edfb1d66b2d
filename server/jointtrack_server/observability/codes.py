"""What requests and frames count as where no reason of an error says it."""

OK = "OK"
CANCELLED = "CANCELLED"
DROPPED = "DROPPED"
