"""A build as a CloudFormation template. Pure: no I/O in any of these modules."""
