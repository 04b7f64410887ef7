"""Lambda's runtimes that AWS no longer supports.

Source: "Lambda runtimes", docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html, with the dates published there;
a date still to come may be moved by AWS.
"""

from __future__ import annotations

from datetime import date

_DEPRECATED: dict[str, date] = {
    "python2.7": date(2021, 7, 15),
    "python3.6": date(2022, 7, 18),
    "python3.7": date(2023, 12, 4),
    "python3.8": date(2024, 10, 14),
    "python3.9": date(2025, 12, 15),
    "nodejs10.x": date(2021, 7, 30),
    "nodejs12.x": date(2023, 3, 31),
    "nodejs14.x": date(2023, 12, 4),
    "nodejs16.x": date(2024, 6, 12),
    "nodejs18.x": date(2025, 9, 1),
    "nodejs20.x": date(2026, 4, 30),
    "ruby2.5": date(2021, 7, 30),
    "ruby2.7": date(2023, 12, 7),
    "ruby3.2": date(2026, 3, 31),
    "java8": date(2024, 1, 8),
    "go1.x": date(2024, 1, 8),
    "provided": date(2024, 1, 8),
    "dotnetcore2.1": date(2022, 1, 5),
    "dotnetcore3.1": date(2023, 4, 3),
    "dotnet5.0": date(2022, 5, 10),
    "dotnet7": date(2024, 5, 14),
    "dotnet6": date(2024, 12, 20),
}


def deprecated_on(runtime: str) -> date | None:
    """The day on which AWS deprecates a runtime, past or announced; None for one that has no such day, or is unknown.

    A function on a deprecated runtime is still invoked; it only cannot be created or, later, updated.
    """
    return _DEPRECATED.get(runtime)
