"""Draws a plain figure around 17 keypoints, for pictures of measurements that no photo shows."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from jointtrack_server.domain.skeleton import Joint, Side
from jointtrack_server.domain.types import Keypoints, Picture, Point, Pose

GROUND = (236, 240, 243)
NEAR, BODY, FAR = (96, 125, 139), (120, 144, 156), (154, 173, 183)

_FINE = 4
"""Drawn so many times larger, then made smaller: smooth edges."""

_WIDTHS = {
    "upper_arm": 0.23,
    "forearm": 0.17,
    "hand": 0.14,
    "thigh": 0.36,
    "calf": 0.24,
    "foot": 0.17,
}
"""Of limbs, in trunk lengths."""


def draw_figure(pose: Pose, near: Side | None) -> Picture:
    """A person in the pose, (height_px, width_px, 3) uint8 RGB.

    ``near`` is the side turned to the camera in a side view, ``None`` in a front or back view.
    """
    size = pose.image_size
    shape = (round(size.height_px) * _FINE, round(size.width_px) * _FINE, 3)
    canvas = np.full(shape, GROUND, np.uint8)
    figure = _Figure(canvas, pose.keypoints, near)
    figure.draw()
    shrunk = cv2.resize(canvas, None, fx=1 / _FINE, fy=1 / _FINE, interpolation=cv2.INTER_AREA)
    return np.asarray(shrunk, np.uint8)


class _Figure:
    def __init__(self, canvas: NDArray[np.uint8], keypoints: Keypoints, near: Side | None) -> None:
        self._canvas = canvas
        self._points = keypoints[:, :2] * _FINE
        self._near = near
        self._shoulders = self._between(Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER)
        self._hips = self._between(Joint.LEFT_HIP, Joint.RIGHT_HIP)
        self._trunk = math.dist(self._shoulders, self._hips)

    def draw(self) -> None:
        far = [] if self._near is None else [side for side in Side if side is not self._near]
        near = [side for side in Side if side not in far]
        for side in far:
            self._leg(side, FAR)
            self._arm(side, FAR)
        self._trunk_and_head()
        for side in near:
            self._leg(side, NEAR)
            self._arm(side, NEAR)

    def _at(self, side: Side, part: str) -> Point:
        x, y = self._points[Joint[f"{side.value}_{part}".upper()]]
        return float(x), float(y)

    def _between(self, *joints: Joint) -> Point:
        x, y = self._points[list(joints)].mean(axis=0)
        return float(x), float(y)

    def _arm(self, side: Side, colour: tuple[int, int, int]) -> None:
        shoulder, elbow, wrist = (self._at(side, part) for part in ("shoulder", "elbow", "wrist"))
        self._limb(shoulder, elbow, "upper_arm", colour)
        self._limb(elbow, wrist, "forearm", colour)
        self._limb(wrist, _beyond(elbow, wrist, 0.14 * self._trunk), "hand", colour)

    def _leg(self, side: Side, colour: tuple[int, int, int]) -> None:
        hip, knee, ankle = (self._at(side, part) for part in ("hip", "knee", "ankle"))
        self._limb(hip, knee, "thigh", colour)
        self._limb(knee, ankle, "calf", colour)
        self._limb(ankle, self._toes(knee, ankle), "foot", colour)

    def _toes(self, knee: Point, ankle: Point) -> Point:
        """Square to the calf where the figure is seen from the side, else straight on."""
        if self._near is None:
            return _beyond(knee, ankle, 0.08 * self._trunk)
        forward = 1.0 if self._near is Side.RIGHT else -1.0
        along = (ankle[0] - knee[0], ankle[1] - knee[1])
        length = math.hypot(*along) or 1.0
        step = forward * 0.3 * self._trunk / length
        return ankle[0] + along[1] * step, ankle[1] - along[0] * step

    def _trunk_and_head(self) -> None:
        corners = [self._at(side, part) for part in ("shoulder", "hip") for side in Side]
        breadth = 0.26 if self._near is None else 0.42
        hull = cv2.convexHull(np.array(corners, np.float32)).astype(np.int32)
        cv2.fillPoly(self._canvas, [hull], BODY, cv2.LINE_AA)
        cv2.polylines(self._canvas, [hull], True, BODY, self._px(breadth), cv2.LINE_AA)
        self._head()

    def _head(self) -> None:
        ears = self._between(Joint.LEFT_EAR, Joint.RIGHT_EAR)
        self._stroke(self._shoulders, ears, 0.22, BODY)
        nose = self._between(Joint.NOSE)
        face = self._between(Joint.LEFT_EYE, Joint.RIGHT_EYE, Joint.NOSE)
        centre = ears if self._near is None else _between(ears, face, 0.35)
        neck = (centre[0] - self._shoulders[0], centre[1] - self._shoulders[1])
        turn_deg = math.degrees(math.atan2(neck[1], neck[0]))
        axes = (self._px(0.31), self._px(0.24))
        fill = (NEAR, cv2.FILLED, cv2.LINE_AA)
        cv2.ellipse(self._canvas, _whole(centre), axes, turn_deg, 0, 360, *fill)
        if self._near is not None:
            self._stroke(centre, nose, 0.09, NEAR)
        elif self._seen_from_the_front:
            for side in Side:
                self._stroke(self._at(side, "eye"), self._at(side, "eye"), 0.05, GROUND)

    @property
    def _seen_from_the_front(self) -> bool:
        left, right = self._at(Side.LEFT, "shoulder"), self._at(Side.RIGHT, "shoulder")
        return left[0] > right[0]

    def _limb(self, start: Point, end: Point, kind: str, colour: tuple[int, int, int]) -> None:
        self._stroke(start, end, _WIDTHS[kind], colour)

    def _stroke(self, start: Point, end: Point, width: float, colour: tuple[int, int, int]) -> None:
        cv2.line(self._canvas, _whole(start), _whole(end), colour, self._px(width), cv2.LINE_AA)

    def _px(self, trunk_lengths: float) -> int:
        return max(1, round(trunk_lengths * self._trunk))


def _beyond(start: Point, end: Point, distance: float) -> Point:
    return _between(start, end, 1.0 + distance / (math.dist(start, end) or 1.0))


def _between(start: Point, end: Point, share: float) -> Point:
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def _whole(point: Point) -> tuple[int, int]:
    return round(point[0]), round(point[1])
