"""Days: of a time zone, of a working week with its holidays, and of which clock.

- `day`        UTC days
- `names`      how weekdays and time zones are named
- `zones`      the calendar days of a time zone
- `workdays`   the working days of a calendar
- `calendars`  which calendar an account has
- `clock`      which "now" the worker runs on: the wall's, or the events' own
"""
