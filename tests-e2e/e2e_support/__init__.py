"""What the container tests stand on: an engine, images, Lambda's emulator, S3, and an interpreter of state machines."""
