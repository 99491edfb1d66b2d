"""The engine step on Ray Serve: one deployment per model, called from the same doors."""
