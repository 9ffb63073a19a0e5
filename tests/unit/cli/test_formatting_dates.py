"""Dates. The expected texts are what Sqitch 1.3.1 printed with ``TZ`` set, or DateTime 1.59 for the lone symbols."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqitchpy.cli.formatting import format_date, local_zone, parse_date_format
from sqitchpy.errors import ConfigError

WINTER = datetime(2024, 1, 2, 3, 4, 5, 999_999, UTC)
SUMMER = datetime(2024, 7, 9, 22, 4, 5, tzinfo=UTC)


def shown(moment: datetime, spec: str, zone: str = "UTC") -> str:
    return format_date(moment, parse_date_format(spec), ZoneInfo(zone))


@pytest.mark.parametrize(
    ("zone", "winter", "summer"),
    [
        ("UTC", "2024-01-02 03:04:05 +0000", "2024-07-09 22:04:05 +0000"),
        ("Europe/Berlin", "2024-01-02 04:04:05 +0100", "2024-07-10 00:04:05 +0200"),
        ("America/New_York", "2024-01-01 22:04:05 -0500", "2024-07-09 18:04:05 -0400"),
        ("America/St_Johns", "2024-01-01 23:34:05 -0330", "2024-07-09 19:34:05 -0230"),
        ("Asia/Kolkata", "2024-01-02 08:34:05 +0530", "2024-07-10 03:34:05 +0530"),
        ("Etc/GMT+5", "2024-01-01 22:04:05 -0500", "2024-07-09 17:04:05 -0500"),
    ],
)
@pytest.mark.parametrize("spec", ["iso", "iso8601", ""])
def test_iso_is_local_time_with_its_offset(spec: str, zone: str, winter: str, summer: str) -> None:
    assert shown(WINTER, spec, zone) == winter
    assert shown(SUMMER, spec, zone) == summer


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
def test_raw_is_utc_whatever_the_zone(zone: str) -> None:
    assert shown(WINTER, "raw", zone) == "2024-01-02T03:04:05Z"
    assert shown(WINTER.astimezone(ZoneInfo("Asia/Tokyo")), "raw", zone) == "2024-01-02T03:04:05Z"


@pytest.mark.parametrize("spec", ["rfc", "rfc2822"])
def test_rfc_writes_a_zero_offset_with_a_minus(spec: str) -> None:
    assert shown(WINTER, spec, "UTC") == "Tue, 02 Jan 2024 03:04:05 -0000"
    assert shown(WINTER, spec, "Europe/London") == "Tue, 02 Jan 2024 03:04:05 -0000"
    assert shown(SUMMER, spec, "Europe/London") == "Tue, 09 Jul 2024 23:04:05 +0100"
    assert shown(SUMMER, spec, "Europe/Berlin") == "Wed, 10 Jul 2024 00:04:05 +0200"


@pytest.mark.parametrize(
    ("spec", "zone", "winter", "summer"),
    [
        (
            "full",
            "Europe/Berlin",
            "Tuesday, January 2, 2024, 4:04:05\u202fAM Europe/Berlin",
            "Wednesday, July 10, 2024, 12:04:05\u202fAM Europe/Berlin",
        ),
        (
            "full",
            "UTC",
            "Tuesday, January 2, 2024, 3:04:05\u202fAM UTC",
            "Tuesday, July 9, 2024, 10:04:05\u202fPM UTC",
        ),
        (
            "full",
            "Etc/GMT+5",
            "Monday, January 1, 2024, 10:04:05\u202fPM -0500",
            "Tuesday, July 9, 2024, 5:04:05\u202fPM -0500",
        ),
        ("long", "Europe/Berlin", "January 2, 2024, 4:04:05\u202fAM CET", "July 10, 2024, 12:04:05\u202fAM CEST"),
        ("long", "Asia/Tehran", "January 2, 2024, 6:34:05\u202fAM +0330", "July 10, 2024, 1:34:05\u202fAM +0330"),
        ("medium", "America/New_York", "Jan 1, 2024, 10:04:05\u202fPM", "Jul 9, 2024, 6:04:05\u202fPM"),
        ("short", "Asia/Kolkata", "1/2/24, 8:34\u202fAM", "7/10/24, 3:34\u202fAM"),
    ],
)
def test_the_lengths_are_those_of_the_c_locale(spec: str, zone: str, winter: str, summer: str) -> None:
    assert shown(WINTER, spec, zone) == winter
    assert shown(SUMMER, spec, zone) == summer


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("G GGGG GGGGG GGGGGGG", "AD Anno Domini A A"),
        ("y yy yyy yyyyy yyyyyyyy", "2024 24 2024 02024 02024"),
        ("u uu uuuuuu Y YYYYY", "2024 2024 002024 2024 02024"),
        ("Q QQ QQQ QQQQ QQQQQ", "3 03 Q3 3rd quarter 3rd quarter"),
        ("q qq qqq qqqq", "3 03 Q3 3rd quarter"),
        ("M MM MMM MMMM MMMMM MMMMMM", "7 07 Jul July J J"),
        ("L LL LLL LLLL LLLLL", "7 07 Jul July J"),
        ("w ww www W WW", "28 28 28 2 2"),
        ("d dd ddd D DD DDD DDDD", "10 10 10 192 192 192 192"),
        ("F FF g", "2 2 60500"),
        ("E EE EEE EEEE EEEEE", "Wed Wed Wed Wednesday W"),
        ("e ee eee eeee eeeee", "4 04 Wed Wednesday W"),
        ("c cc ccc cccc ccccc", "3 03 Wed Wednesday W"),
        ("a aaaa h hh H HH HHH K KK k kk j jj", "AM AM 12 12 0 00 00 0 00 24 24 12 12"),
        ("m mm s ss sss S SSS", "4 04 5 05 05 0 000"),
        ("A AAA", "245000 245000"),
        ("z zzz zzzz zzzzz", "CEST CEST Europe/Berlin Europe/Berlin"),
        ("v vvvv V VVVV", "CEST Europe/Berlin CEST Europe/Berlin"),
        ("Z ZZZ ZZZZ ZZZZZ", "+0200 +0200 CEST+0200 +02:00"),
        ("bB xXO T", "bB xXO T"),
        ("", ""),
        ("''|h 'o''clock' a|'x|yyyy'", "|12 o'clock AM|x|yyyy"),
        ("yyyy'T'HH", "2024T00"),
        ("'HH''mm|'''' q", "HH'mm|'' 3"),
        ("d.M.y\nH'h", "10.7.2024\n0'12"),
    ],
)
def test_a_cldr_pattern_is_read_as_datetime_reads_it(pattern: str, expected: str) -> None:
    assert shown(SUMMER, f"cldr:{pattern}", "Europe/Berlin") == expected


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2020-12-31", "2020 53 5 5 366"),
        ("2021-01-01", "2020 53 0 6 1"),
        ("2021-01-03", "2020 53 0 1 3"),
        ("2021-01-04", "2021 1 1 2 4"),
        ("2023-01-01", "2022 52 0 1 1"),
        ("2024-12-30", "2025 1 5 2 365"),
    ],
)
def test_weeks_belong_to_the_year_that_holds_their_thursday(day: str, expected: str) -> None:
    assert shown(datetime.fromisoformat(f"{day}T12:00:00Z"), "cldr:Y w W e D") == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("%Y-%m-%d %H:%M:%S", "2024-07-10 00:04:05"),
        ("%a %A %b %B %h", "Wed Wednesday Jul July Jul"),
        ("%c", "Jul 10, 2024, 12:04:05\u202fAM"),
        ("%x|%X|%D|%F", "Jul 10, 2024|12:04:05\u202fAM|07/10/24|2024-07-10"),
        ("%C %y %g %G %j", "20 24 24 2024 192"),
        ("%e|%k|%l|%I", "10| 0|12|12"),
        ("%p %P %r %R %T", "AM am 12:04:05 AM 00:04 00:04:05"),
        ("%s", "1720562645"),
        ("%u %w %U %V %W", "3 3 27 28 28"),
        ("%z %Z", "+0200 CEST"),
        ("%n%t%%", "\n\t%"),
        ("%N %3N %10N", "000000000 000 0000000000"),
        ("%E%f%i%J%K%L%O%o%q%Q%v", "%E%f%i%J%K%L%O%o%q%Q%v"),
        ("%5d 100% %", "%5d 100% %"),
        ("%{day_name}|%{ymd}|%{hms}|%{time_zone_long_name}", "Wednesday|2024-07-10|00:04:05|Europe/Berlin"),
        ("%{iso8601}|%{epoch}|%{quarter_abbr}", "2024-07-10T00:04:05|1720562645|Q3"),
        ("%{nope}", "%{nope}"),
        ("", ""),
    ],
)
def test_a_strftime_pattern_is_read_as_datetime_reads_it(pattern: str, expected: str) -> None:
    assert shown(SUMMER, f"strftime:{pattern}", "Europe/Berlin") == expected


@pytest.mark.parametrize(
    ("moment", "cldr", "strftime"),
    [
        ("2024-06-01T11:59:58Z", "AM 11 11 11 11 43198000 1 0 7 6", "6 AM 11 11"),
        ("2024-06-02T12:00:00Z", "PM 12 12 0 12 43200000 1 0 1 7", "0 PM 12 12"),
        ("2024-06-06T13:01:01Z", "PM 1 13 1 13 46861000 1 1 5 4", "4 PM  1 13"),
        ("2024-06-08T23:00:00Z", "PM 11 23 11 23 82800000 2 1 7 6", "6 PM 11 23"),
        ("2024-06-09T00:00:00Z", "AM 12 0 0 24 0 2 1 1 7", "0 AM 12  0"),
        ("2024-06-28T01:00:00Z", "AM 1 1 1 1 3600000 4 4 6 5", "5 AM  1  1"),
        ("2024-06-29T01:00:00Z", "AM 1 1 1 1 3600000 5 4 7 6", "6 AM  1  1"),
    ],
)
def test_hours_and_days_turn_over_where_they_should(moment: str, cldr: str, strftime: str) -> None:
    when = datetime.fromisoformat(moment)
    assert shown(when, "cldr:a h H K k A F W e c") == cldr
    assert shown(when, "strftime:%w %p %l %k") == strftime


@pytest.mark.parametrize(("spec", "name"), [("rfc", "rfc"), ("", "iso"), ("cldr:y", "cldr:y")])
def test_a_date_format_knows_what_it_was_made_from(spec: str, name: str) -> None:
    assert parse_date_format(spec).spec == name


@pytest.mark.parametrize("spec", ["nope", "Iso", "cldr", "strftime", "default", "iso:x", "CLDR:y"])
def test_an_unknown_date_format_is_refused(spec: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_date_format(spec)
    assert caught.value.message == f'Unknown date format "{spec}"'
    assert caught.value.code == 255


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("Etc/UTC", "UTC UTC +0000"),
        ("GMT", "UTC UTC +0000"),
        ("Etc/GMT-14", "+1400 +1400 +1400"),
        ("Africa/Abidjan", "GMT Africa/Abidjan +0000"),
        ("America/Sao_Paulo", "-03 America/Sao_Paulo -0300"),
    ],
)
def test_zones_have_the_names_that_sqitch_gives_them(zone: str, expected: str) -> None:
    assert shown(WINTER, "cldr:z zzzz Z", zone) == expected


def test_an_offset_with_seconds_shows_them() -> None:
    assert shown(datetime(1890, 1, 1, tzinfo=UTC), "strftime:%z", "Europe/Berlin") == "+005328"


def test_a_zone_that_is_only_an_offset_is_named_by_it() -> None:
    east = timezone(timedelta(hours=5, minutes=45))
    assert format_date(WINTER, parse_date_format("cldr:z zzzz Z"), east) == "+0545 +0545 +0545"


@pytest.fixture
def new_york_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if not hasattr(time, "tzset"):
        pytest.skip("this system cannot change a process's time zone")
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "EST5EDT,M3.2.0,M11.1.0")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("new_york_clock")
def test_without_a_zone_the_systems_local_time_is_shown() -> None:
    assert format_date(WINTER, parse_date_format("iso")) == "2024-01-01 22:04:05 -0500"
    assert format_date(SUMMER, parse_date_format("cldr:HH z zzzz")) == "18 EDT EDT"


@pytest.mark.parametrize("name", ["Europe/Berlin", ":Europe/Berlin"])
def test_the_local_zone_is_the_one_that_tz_names(name: str) -> None:
    assert local_zone({"TZ": name}) == ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("name", ["", "Bogus/Zone", "CET-1CEST", "/etc/passwd", "../x", "Europe"])
def test_a_tz_that_names_no_zone_leaves_it_to_the_system(name: str) -> None:
    assert local_zone({"TZ": name}) is None


@pytest.mark.parametrize("folder", ["zoneinfo", "zoneinfo/posix"])
def test_without_tz_the_local_zone_is_the_one_that_the_system_links_to(tmp_path: Path, folder: str) -> None:
    zone = tmp_path / folder / "Europe" / "Berlin"
    zone.parent.mkdir(parents=True)
    zone.touch()
    link = tmp_path / "localtime"
    link.symlink_to(zone)
    assert local_zone({}, link) == ZoneInfo("Europe/Berlin")


def test_without_tz_and_link_it_is_left_to_the_system(tmp_path: Path) -> None:
    assert local_zone({}, tmp_path / "localtime") is None


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=st.timezones()))
def test_a_raw_date_can_be_read_back_to_the_second(moment: datetime) -> None:
    raw = format_date(moment, parse_date_format("raw"))
    assert len(raw) == 20
    assert timedelta() <= moment.astimezone(UTC) - datetime.fromisoformat(raw) < timedelta(seconds=1)


@given(st.datetimes(datetime(1970, 1, 2), datetime(2099, 1, 1), timezones=st.timezones()))
def test_an_iso_date_can_be_read_back_whatever_the_zone(moment: datetime) -> None:
    iso = format_date(moment, parse_date_format("iso"), moment.tzinfo)
    assert timedelta() <= moment.astimezone(UTC) - datetime.fromisoformat(iso) < timedelta(seconds=1)
