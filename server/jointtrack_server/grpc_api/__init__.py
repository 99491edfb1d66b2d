"""The gRPC door: translates messages to the pipeline and back."""
