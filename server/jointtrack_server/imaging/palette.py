"""The overlay's colours, RGB.

White lines on a dark halo show on any background. Blue and vermilion are from Okabe and Ito's
palette (Color Universal Design, 2008), which people with any colour vision tell apart.
"""

from collections.abc import Mapping

from jointtrack_server.domain.skeleton import Side

Colour = tuple[int, int, int]
"""Red, green, blue, each 0..255."""

LINE: Colour = (255, 255, 255)
HALO: Colour = (0, 0, 0)
LABEL_TEXT: Colour = (255, 255, 255)
LABEL_GROUND: Colour = (16, 24, 32)
ACCENT: Colour = (86, 180, 233)
ALERT: Colour = (213, 94, 0)

SIDES_ON_DARK: Mapping[Side, Colour] = {Side.LEFT: ACCENT, Side.RIGHT: (230, 159, 0)}
SIDES_ON_WHITE: Mapping[Side, Colour] = {Side.LEFT: (0, 114, 178), Side.RIGHT: (213, 94, 0)}
"""Of the subject's sides in traces and plots: blue and orange from the same palette."""

HALO_OPACITY = 0.40
WEDGE_OPACITY = 0.30
LABEL_OPACITY = 0.78


def to_hex(colour: Colour) -> str:
    """As CSS writes it."""
    return "#{:02x}{:02x}{:02x}".format(*colour)
