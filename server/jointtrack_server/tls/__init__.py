"""TLS from PEM files, watched while the server runs. Knows neither gRPC nor HTTP."""
