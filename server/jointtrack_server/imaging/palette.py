"""The overlay's colours, RGB.

White lines on a dark halo show on any background. Blue and vermilion are from Okabe and Ito's
palette (Color Universal Design, 2008), which people with any colour vision tell apart.
"""

Colour = tuple[int, int, int]
"""Red, green, blue, each 0..255."""

LINE: Colour = (255, 255, 255)
HALO: Colour = (0, 0, 0)
LABEL_TEXT: Colour = (255, 255, 255)
LABEL_GROUND: Colour = (16, 24, 32)
ACCENT: Colour = (86, 180, 233)
ALERT: Colour = (213, 94, 0)

HALO_OPACITY = 0.40
WEDGE_OPACITY = 0.30
LABEL_OPACITY = 0.78
