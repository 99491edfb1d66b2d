"""The JointTrack server: joint angles from pictures and video over gRPC and REST."""
