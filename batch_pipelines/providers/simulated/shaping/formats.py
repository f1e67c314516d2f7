"""Strings of the formats that the Messages API can ask for. Pure."""

from __future__ import annotations

import random
import re
import uuid

DATE = re.compile(r"\b(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])\b")


def formatted(form: str, slug: str, text: str, source: random.Random) -> str | None:
    """A string of this format, from `slug` and the dates in `text` where it can; None for a format that is unknown."""
    date, time = date_in(text, source), f"{source.randrange(24):02}:{source.randrange(60):02}:00Z"
    made = {
        "date": date,
        "time": time,
        "date-time": f"{date}T{time}",
        "duration": f"P{source.randint(1, 30)}D",
        "email": f"{slug}@example.com",
        "hostname": f"{slug}.example.com",
        "uri": f"https://example.com/{slug}",
        "ipv4": f"192.0.2.{source.randint(1, 254)}",
        "ipv6": f"2001:db8::{source.randint(1, 0xFFFF):x}",
        "uuid": str(uuid.UUID(int=source.getrandbits(128), version=4)),
    }
    return made.get(form)


def date_in(text: str, source: random.Random) -> str:
    """The first date in a text, or one of 2026."""
    found = DATE.search(text)
    return found[0] if found else f"2026-{source.randint(1, 12):02}-{source.randint(1, 28):02}"


def slug_of(text: str) -> str:
    """Letters and digits with hyphens between, at most 40."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[:40].strip("-") or "item"
