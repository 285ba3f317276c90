"""Templates: `{{ expression }}` in a job's strings, parsed when the job is read and compiled once per step."""
