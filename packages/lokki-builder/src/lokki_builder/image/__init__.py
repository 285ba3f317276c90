"""A build as an image's build context, or as a zip. Pure: no I/O in any of these modules."""
