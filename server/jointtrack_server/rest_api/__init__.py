"""The documented HTTP door: translates `POST /detect` to the pipeline and back."""
