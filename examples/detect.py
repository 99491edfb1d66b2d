"""Measures both shoulders in a photo and writes the overlay beside it.

python examples/detect.py PHOTO [HOST:PORT]
"""

import sys
from pathlib import Path

from jointtrack import JointTrackClient, JointTrackError


def main(photo: Path, target: str) -> None:
    with JointTrackClient(target) as client:
        result = client.detect(photo, "shoulder_abduction", include_overlays=True)
    angle = result.person.angle("shoulder_abduction")
    for name, side in angle.sides.items():
        if side.value_deg is None:
            print(f"{name}: no value, {side.missing_reason}")
        else:
            print(f"{name}: {side.value_deg:.0f} degrees, confidence {side.confidence:.2f}")
    if angle.overlay is not None:
        angle.overlay.save(photo.with_name(f"{photo.stem}_overlay.jpg"))


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), *(sys.argv[2:] or ["localhost:50051"]))
    except (JointTrackError, OSError) as error:
        sys.exit(str(error))
