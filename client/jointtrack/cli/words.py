"""Reasons and warnings in plain words, for people who do not know the API."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the server has the words without the types
    from jointtrack.types import SideValue

NOBODY_FOUND = "nobody was found; use a picture that shows a whole person."

REASONS = {
    "keypoint_low_confidence": "A needed joint is hidden or outside the picture. Show the whole "
    "limb, in clothes that fit closely.",
    "segment_foreshortened": "The limb points at the camera. Stand so that it moves across the "
    "picture.",
    "facing_unknown": "It cannot be told which way the person faces. Take the picture straight "
    "from the side, with the head in view.",
    "wrong_view": "It cannot be measured from this side. Take the picture from the view that the "
    "measurement needs.",
    "body_side_unknown": "Left and right cannot be told apart. Show both shoulders and both hips.",
    "implausible_pose": "The body was not recognised correctly. Take another picture, with good "
    "light and a plain background.",
}
"""Why a side has no value and what to do, by missing reason."""

WARNINGS = {
    "low_confidence": "A joint used here was hard to see: the value is less certain.",
    "view_mismatch": "The picture was taken from an unsuitable side: the value may be far off.",
    "oblique_view": "The camera stood between front and side: the value may be some degrees off.",
    "trunk_one_sided": "Only one side of the trunk was seen: the value is less certain.",
    "reference_vertical": "The hips were not seen: the neck was measured against the vertical.",
    "facing_unknown": "It could not be told which way the person faces.",
    "opposite_direction": "The picture shows the opposite movement to the one named.",
    "out_of_plane": "The limb seems to point towards or away from the camera: the true angle may "
    "differ.",
    "several_people": "Several people are in the picture; the most prominent one was measured.",
}
"""What to bear in mind when reading a value, by warning."""


def why_missing(value: "SideValue") -> str:
    """Why a side that was asked for has no value, with the joints that lack."""
    reason = value.missing_reason or ""
    text = REASONS.get(reason, f"It could not be measured ({reason}).")
    if not value.missing_joints:
        return text
    return f"{text} Not seen: {', '.join(map(spoken, value.missing_joints))}."


def warning_text(warning: str) -> str:
    return WARNINGS.get(warning, f"{spoken(warning).capitalize()}.")


def spoken(name: str) -> str:
    """An API name as words, such as "left knee"."""
    return name.replace("_", " ")
