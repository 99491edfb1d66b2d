"""The body's frame of reference: which way is up, lateral and forward, computed once a pose."""

from dataclasses import dataclass, replace

from jointtrack_server.domain.skeleton import Side
from jointtrack_server.domain.types import Facing, MissingReason, Pose, View, Warning
from jointtrack_server.measurements.body import Body, TrunkLine, UnmeasurableError
from jointtrack_server.measurements.facing import facing_sign
from jointtrack_server.measurements.vectors import Vec, add, clockwise, scaled, turned
from jointtrack_server.measurements.view import body_side, seems_frontal, view_of

SIDE_LINE_LEAN_DEG = 6.5
"""How far one side's hip-shoulder line leans outwards of the midline in front and back views:
median of 612 hand-labelled frontal people (5 % to 95 %: 1.3 to 11.2)."""

FRONTAL_VIEWS = (View.FRONT, View.BACK)
SIDE_SIGN = {Side.LEFT: 1.0, Side.RIGHT: -1.0}
FACING_SIGN = {Facing.RIGHT: 1.0, Facing.LEFT: -1.0}


@dataclass(frozen=True, slots=True)
class BodyFrame:
    """A body and its directions.

    ``side_sign`` is +1 where the subject's left is clockwise of up, -1 where anticlockwise.
    ``forward_sign`` is +1 facing the image's right, -1 its left; None where it cannot be told or,
    unless the caller said so, where the body is seen from the front or back: there the vote means
    nothing.
    """

    body: Body
    view: View
    side_sign: float | None
    forward_sign: float | None

    @staticmethod
    def of(pose: Pose, facing: Facing | None = None) -> "BodyFrame":
        """The frame of one pose; ``facing`` overrides the vote."""
        body = Body.of(pose)
        side_sign = body_side(body)
        view = view_of(body, side_sign)
        if facing is not None:
            forward_sign: float | None = FACING_SIGN[facing]
        elif view in FRONTAL_VIEWS or (view is View.UNKNOWN and seems_frontal(body)):
            forward_sign = None
        else:
            forward_sign = facing_sign(body)
        return BodyFrame(body, view, side_sign, forward_sign)

    @property
    def facing(self) -> Facing | None:
        if self.forward_sign is None:
            return None
        return Facing.RIGHT if self.forward_sign > 0.0 else Facing.LEFT

    @property
    def facing_warnings(self) -> tuple[Warning, ...]:
        """The warning for a sagittal value that had to do without the facing.

        None in front and back views: those are warned of as such.
        """
        unknown = self.forward_sign is None and self.view not in FRONTAL_VIEWS
        return (Warning.FACING_UNKNOWN,) if unknown else ()

    def forward(self, up: Vec) -> Vec | None:
        """The direction in front of the body, perpendicular to ``up``; None if not known."""
        return None if self.forward_sign is None else scaled(clockwise(up), self.forward_sign)

    def lateral(self, side: Side, up: Vec) -> Vec | None:
        """The direction away from the body on that side, perpendicular to ``up``, if known."""
        if self.side_sign is None:
            return None
        return scaled(clockwise(up), self.side_sign * SIDE_SIGN[side])

    def require_lateral(self, side: Side, up: Vec) -> Vec:
        """``lateral``; raises UnmeasurableError where it is not known."""
        lateral = self.lateral(side, up)
        if lateral is None:
            raise UnmeasurableError(MissingReason.BODY_SIDE_UNKNOWN)
        return lateral

    def unknown_sign(self) -> UnmeasurableError:
        """Why a sagittal angle has no sign: the wrong view, or a facing that cannot be told."""
        wrong_view = self.view in FRONTAL_VIEWS
        return UnmeasurableError(
            MissingReason.WRONG_VIEW if wrong_view else MissingReason.FACING_UNKNOWN
        )

    def midline(self, trunk: TrunkLine) -> TrunkLine:
        """``trunk`` for frontal angles: a single side's line is turned back to the midline."""
        if trunk.side is None or self.side_sign is None:
            return trunk
        up = turned(trunk.up, SIDE_LINE_LEAN_DEG * self.side_sign * SIDE_SIGN[trunk.side])
        return replace(trunk, up=up, shoulder=add(trunk.hip, scaled(up, trunk.length_px)))
