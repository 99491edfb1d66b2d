"""TensorFlow and TensorFlow Hub, imported without their Python warnings.

The import takes seconds: import this module only where TensorFlow is used.
"""

import warnings

with warnings.catch_warnings():
    # tensorflow-hub 0.16.1 imports pkg_resources, of which newer setuptools warn.
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
    import tensorflow as tf
    import tensorflow_hub as hub

tf.get_logger().setLevel("ERROR")

__all__ = ["hub", "tf"]
