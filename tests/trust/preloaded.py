"""What gunicorn loads before it forks its workers: a library that has counted."""

from trust.fork import application, count

count()

__all__ = ["application"]
