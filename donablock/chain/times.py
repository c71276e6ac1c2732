"""The chain's seconds, for people. All times are UTC."""

from __future__ import annotations

import datetime as dt

__all__ = ["date_text", "span_text"]


def date_text(timestamp: int) -> str:
    """Unix seconds as "2028-01-31 12:00 UTC"."""
    return dt.datetime.fromtimestamp(timestamp, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")


def span_text(seconds: int) -> str:
    """Seconds as "2 days 3 h", "45 min" or "30 s": the two largest units."""
    if seconds < 0:
        return "0 s"
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, left = divmod(rest, 60)
    parts = [
        f"{days} day{'s' if days != 1 else ''}" if days else "",
        f"{hours} h" if hours else "",
        f"{minutes} min" if minutes else "",
        f"{left} s" if left else "",
    ]
    return " ".join([part for part in parts if part][:2]) or "0 s"
