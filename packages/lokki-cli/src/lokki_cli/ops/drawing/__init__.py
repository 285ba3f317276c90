"""A flow as a picture: graph to `Picture` to text, mermaid or SVG. Pure; equal graphs give equal bytes."""
