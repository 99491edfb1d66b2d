"""The way of a picture and of a frame: decode, find, measure, draw. No gRPC, no HTTP."""
