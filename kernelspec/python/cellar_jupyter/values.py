"""Which values a parameter may have in an override: text, numbers, true or false, and lists of those."""

import math

# The kernel reads JSON's integers up to this size exactly.
_LARGEST_INTEGER = 2**63 - 1


class Unsuitable(ValueError):
    """A value that is no parameter. The message says why and what is possible."""


def as_override(parameters):
    """The parameters as the kernel takes them. `None` means "not given" and is left out.

    Raises `Unsuitable` for the first value that has no clear meaning as text.
    """
    return {str(key): _value(key, value) for key, value in parameters.items() if value is not None}


def suitable(parameters):
    """As `as_override`, but leaves out what is unsuitable. Returns the rest, and why those were left out."""
    override, problems = {}, []
    for key, value in parameters.items():
        try:
            override.update(as_override({key: value}))
        except Unsuitable as problem:
            problems.append(str(problem))
    return override, problems


def _value(key, value):
    if isinstance(value, (list, tuple)):
        return [_single(key, item, "is a list that holds") for item in value]
    return _single(key, value, "is")


def _single(key, value, holds):
    if isinstance(value, (str, bool)):
        return value
    if isinstance(value, int):
        # A larger one would be rounded on its way; parameters are text anyway.
        return value if abs(value) <= _LARGEST_INTEGER else str(value)
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        what = f"{value}, which JSON cannot say: give it as text"
    elif value is None:
        what = "an empty value: leave it out"
    elif isinstance(value, dict):
        what = "a mapping: give each of its values a name of its own"
    elif isinstance(value, (list, tuple)):
        what = "another list: give each a name of its own"
    else:
        what = f"a {type(value).__name__}: give it as text"
    raise Unsuitable(
        f"the parameter `{key}` {holds} {what}. "
        "A parameter of a Rust notebook is text, a number, true or false, or a list of those."
    )
