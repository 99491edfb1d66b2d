"""How close the server comes to the bare engine, measured in one run."""
