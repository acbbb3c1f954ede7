"""The background process: the loop, the timetable, the retry policy."""
