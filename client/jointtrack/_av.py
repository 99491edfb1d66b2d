"""Video files, URLs and webcams through PyAV, which is FFmpeg; needs the video extra."""

import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import av.filter

from jointtrack.images import RawImage
from jointtrack.names import PixelFormat

if TYPE_CHECKING:
    from jointtrack.video import Tally, TimedPicture, VideoSource
