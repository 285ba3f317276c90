"""What commands do, without a command line: no click, nothing printed."""
