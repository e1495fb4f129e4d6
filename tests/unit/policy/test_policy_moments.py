# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moments of a declaration: what is understood, what is refused, and that no zone of a host plays in."""

from __future__ import annotations

import datetime
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import (
    PolicyError,
    describe,
    validate,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.moments import (
    written,
)

UTC = datetime.timezone.utc
NEW_YEAR = 1_798_761_600  # date -u -d 2027-01-01 +%s


def declared(value: object) -> dict[str, object]:
    return {"app": {"path": "/run/s", "allow": [{"user": "www", "expires": value}]}}


def moment(value: object) -> int | None:
    return validate(declared(value)).sockets[0].allow[0].expires


@pytest.mark.parametrize(
    "value",
    [
        "2027-01-01",
        "2027-01-01T00:00Z",
        "2027-01-01T00:00:00Z",
        "2027-01-01 00:00:00 +00:00",
        "2027-01-01t00:00:00.999z",
        "2027-01-01T01:00:00+01:00",
        "2027-01-01T01:00+0100",
        "2026-12-31T18:30-05:30",
        "2026-12-31T16:00:00-08",
        # What YAML makes of it without quotes.
        datetime.date(2027, 1, 1),
        datetime.datetime(2027, 1, 1, tzinfo=UTC),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata"])
def test_what_is_understood(value: object, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert moment(value) == NEW_YEAR
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("2027-01-01T00:00:00", "says no zone"),
        (datetime.datetime(2027, 1, 1), "says no zone"),
        ("2027-13-01", "There is no such moment"),
        ("2027-02-29", "There is no such moment"),
        ("2027-01-01T24:00Z", "There is no such moment"),
        ("2027-01-01T00:00+99:00", "There is no such moment"),
        ("0001-01-01T00:00+23:00", "There is no such moment"),
        ("9999-12-31T23:00-23:00", "There is no such moment"),
        ("tomorrow", "is not a moment"),
        ("01.02.2027", "is not a moment"),
        ("", "is not a moment"),
        (1_798_761_600, "The value is the number"),
        (True, "The value is"),
        (None, "The value is"),
        (["2027-01-01"], "The value is a list"),
    ],
)
def test_what_is_refused(value: object, said: str) -> None:
    with pytest.raises(PolicyError) as caught:
        moment(value)
    (problem,) = caught.value.problems
    assert problem.key == "allow[0].expires"
    assert said in problem.message


@given(st.datetimes(timezones=st.just(UTC)))
def test_there_and_back(when: datetime.datetime) -> None:
    seconds = moment(when.isoformat())
    assert seconds is not None
    assert seconds <= when.timestamp() < seconds + 1.001
    assert moment(written(seconds)) == seconds
    assert describe(validate(declared(when.isoformat())))["app"]["allow"][0]["expires"] == (
        written(seconds)
    )


def test_one_principal_ends_once() -> None:
    allow = [{"user": "www", "expires": "2027-01-01"}, {"user": "www", "expires": "2027-01-02"}]
    with pytest.raises(PolicyError, match="is granted here and in"):
        validate({"app": {"path": "/run/s", "allow": allow}})
    same = [{"user": "www", "expires": one} for one in ("2027-01-01", "2027-01-01T00:00Z")]
    assert len(validate({"app": {"path": "/run/s", "allow": same}}).sockets[0].allow) == 1


def test_grants_of_one_endpoint_may_end_at_different_times() -> None:
    allow = [
        {"user": who, "method": "proxy", "at": "/run/at", "expires": when}
        for who, when in (("www", "2027-01-01"), ("db", "2027-01-02"))
    ]
    assert len(validate({"app": {"path": "/run/s", "allow": allow}}).sockets[0].allow) == 2
