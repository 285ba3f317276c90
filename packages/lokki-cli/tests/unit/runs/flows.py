"""Flow files for tests of deployed runs."""

BIRDS = """
    from lokki import flow, main, step

    @step
    def get_birds(limit=3):
        print("looking")
        return ["goose", "duck", "seagull", "owl"][:limit]

    @step
    def flap(bird):
        print("flapping", bird)
        if bird == "BAD":
            raise ValueError(f"a {bird} does not flap")
        return f"flappy {bird}"

    @step
    def join(birds):
        return ", ".join(birds)

    @flow
    def birds_flow(suffix: str = ""):
        return get_birds(limit=3).map(flap).agg(join)

    if __name__ == "__main__":
        main(birds_flow)
"""

NESTED = """
    from dataclasses import dataclass
    from lokki import flow, main, step

    @dataclass
    class Page:
        number: int

    @step
    def pages(count: int = 3):
        return [Page(number) for number in range(count)]

    @step
    def split(page):
        return range(page.number + 2)

    @step
    def square(x):
        if x == 3:
            raise KeyError("three")
        return x * x

    @step
    def double(x):
        return x * 2

    @step
    def merge(xs, failures=()):
        return list(xs), len(failures)

    @step(job_type="batch")
    def report(found):
        print("reporting")
        return found

    @flow
    def nested_flow(count: int = 3):
        inner = split.map([square, double], batch_size=2, tolerated_failure_percentage=50).agg(merge)
        return pages(count).map(inner).agg(report)

    @flow
    def open_flow():
        return pages().map(split)

    @flow
    def deep_flow():
        return pages().map(split.map(square))

    if __name__ == "__main__":
        main(nested_flow)
"""

RESULT = "flappy goose, flappy duck, flappy seagull\n"
"""What the birds return, as it is printed."""

FAILURE = "flow 'birds-flow', step 'flap', item 1: failed after 1 attempt: ValueError: a BAD does not flap"
"""What is said of birds of which one is BAD."""
