# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables and pictures of docs/performance.md, from the results of a run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from bench import load, plot, sums
from bench.sums import CALLED, WAYS, WHATS, Median, Results

LEFT_OUT = "This part was left out of the run; `tests/bench/run {}` measures it."
HEADS = {
    sums.FLOOR: "floor, not proven",
    sums.FIRST: "first run, not proven",
    sums.SECOND: "second run, not proven",
    sums.FLOOR_PROVEN: "floor, proven",
    sums.FIRST_PROVEN: "first run, proven",
    sums.SECOND_PROVEN: "second run, proven",
}


def table(head: Sequence[str], rows: Sequence[Sequence[str]], figures: bool = True) -> str:
    """Return a table; what is to the right of its first column are figures, or words."""
    lines = [head, ["---", *(["--:" if figures else "---"] * (len(head) - 1))], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def figure(value: float) -> str:
    """Return a figure with three digits that count, and no more than people read."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def taken(one: Median | None) -> str:
    """Return seconds, and how many pings they are."""
    return f"{figure(one.seconds)} s ({figure(one.ratio)})" if one else ""


def machine(results: Results) -> str:
    facts = results["machine"]
    rows = [
        ("date", facts["date"]),
        ("command", f"`{results['command']}`"),
        ("processor", f"{facts['processor']}, {facts['cores']} cores" + _virtual(facts)),
        ("memory", facts["memory"]),
        ("kernel", f"Linux {facts['kernel']}"),
        ("system", facts["system"]),
        ("controller", f"ansible-core {facts['ansible-core']}, Python {facts['python']}"),
        ("connections", f"{facts['ssh']}, podman {facts['podman']}"),
        ("processor time that something else took", others(results["parts"])),
    ]
    elsewhen = {
        name: part["date"]
        for name, part in results["parts"].items()
        if part["began"] != results["began"]
    }
    said = "All of it was measured in one run."
    busy = ""
    disturbed = load.disturbed(results["parts"])
    if disturbed:
        named = ", ".join(f"{name} ({_share(share)})" for name, share in disturbed.items())
        busy = (
            "\n\n**Something else ran on the machine** while these parts were measured, and took so "
            f"much of the processors' time: {named}. Their figures show that everything can be "
            "measured, and not how fast it is."
        )
    if elsewhen:
        named = ", ".join(f"{name} ({date})" for name, date in elsewhen.items())
        said = f"In one run, but for these parts, which another run measured: {named}."
    return f"{table(['', ''], rows, figures=False)}\n\n{said}{busy}"


def others(parts: Results) -> str:
    """Return by part what was not the bench's, of all that the processors could do in that time."""
    known = {name: part["processors"] for name, part in parts.items() if "processors" in part}
    if not known:
        return "not measured"
    return ", ".join(
        f"{name} {_share(load.elsewhere(known[name])) if name in known else 'not measured'}"
        for name in parts
    )


def _share(share: float) -> str:
    return f"{100 * share:.1f} %"


def _virtual(facts: dict[str, str]) -> str:
    return ", a virtual machine" if facts["virtual"] == "yes" else ""


def targets(parts: Results) -> str:
    listed = sums.targets(parts)
    with_floor = any(one.floors for one in listed)
    rows, missed = [], []
    for one in listed:
        figures = ", ".join(f"{way} {figure(value)}" for way, value in one.figures.items())
        ways = one.missed()
        by = "" if len(ways) == len(one.figures) else f" over {', '.join(ways)}"
        floor = [_floor(one)] if with_floor else []
        rows.append((one.words, figures, *floor, f"missed{by}" if ways else "met"))
        if ways:
            missed.append(f"- Missed{by}: {one.words}. Why: {one.why}")
    head = ["target", "measured", *(["floor (measured is so many times that)"] * with_floor), ""]
    return "\n\n".join(filter(None, [table(head, rows, figures=False), "\n".join(missed)]))


def _floor(one: sums.Target) -> str:
    """Return what the module that does nothing takes, and how far above that the figures in pings are."""
    if one.pings and not one.floors:
        return "not measured"
    return ", ".join(
        f"{way} {figure(floor)}"
        + (f" ({figure(one.figures[way] / floor)})" if one.pings and way in one.figures else "")
        for way, floor in one.floors.items()
    )


def grants(part: Results) -> str:
    found = []
    most = max(sums.sizes(part))
    measured = {one[3] for one in part["runs"]}
    whats = [what for what in WHATS if what in measured]
    heads = ["ping", *(HEADS[what] for what in whats)]

    def row(called: str, way: str, host: str, size: int) -> list[tuple[str, ...]]:
        first = sums.grants(part, way, host, size, sums.FIRST)
        each = [sums.grants(part, way, host, size, what) for what in whats]
        return [(called, f"{figure(first.ping)} s", *map(taken, each))] if first else []

    for way in WAYS:
        rows = [one for size in sums.sizes(part) for one in row(str(size), way, "systemd", size)]
        if rows:
            found.append(table([f"grants, over {CALLED[way]}", *heads], rows))
    if sums.FLOOR in measured:
        found.append(_about_the_floor(part, most))
    rows = [
        one
        for way, host in sorted({(one[0], one[1]) for one in part["runs"]})
        if (way, host) not in [(one, "systemd") for one in WAYS]
        for one in row(f"{way}, {KINDS[host]}", way, host, most)
    ]
    if rows:
        found.append(
            f"What else matters, with {most} grants (pipelining is on where the row says so):"
        )
        found.append(table(["", *heads], rows))
    packed = sums.packing(part)
    found.append(
        "The first task of a run of `ansible-playbook` packs its module, once for all hosts: "
        f"{packed[1]:.2f} s for `socket_policy`, {packed[0]:.2f} s for `ping`, which the figures "
        "above leave out."
    )
    return "\n\n".join(found)


def _about_the_floor(part: Results, most: int) -> str:
    plain, proven = (part["answers"][f"{most}, {how}"] for how in ("not proven", "proven"))
    return (
        'The "floor" is a module that does nothing (`tests/bench/library/bench_floor.py`): it checks the '
        "same options and gives the very answer of the first run, which it finds on the host. Where the "
        "host runs systemd, it also calls `systemctl daemon-reload` once, without which systemd knows no "
        "new hook. For "
        f"{most} grants that answer has {plain:.0f} kB, and proven {proven:.0f} kB: every grant with its "
        "method, its reason and its proof, and every change. That much is the collection's choice; with "
        "it, a run cannot take less than the floor."
    )


def loops(part: Results) -> str:
    rows = []
    for way in WAYS:
        for size, loop in sums.loops(part, way).items():
            cells = []
            for what in (sums.FIRST, sums.FIRST_PROVEN):
                one = sums.grants(part, way, "systemd", size, what)
                cells.append(
                    f"{figure(one.seconds)} s ({loop.seconds / one.seconds:,.0f} times)"
                    if one
                    else ""
                )
            rows.append((str(size), CALLED[way], taken(loop), *cells))
    head = ["grants", "over", "the loops", "first run, not proven", "first run, proven"]
    return table(head, rows)


def methods(part: Results) -> str:
    rows = []
    for method, number, seconds, ping in part["loops"]:
        first = sums.methods(part, method, sums.FIRST_PROVEN)
        second = sums.methods(part, method, sums.SECOND_PROVEN)
        if first:
            rows.append(
                (
                    f"`{method}`, {part['endpoints']} clients",
                    taken(first),
                    taken(second),
                    f"{figure(seconds)} s ({seconds / ping:,.0f})",
                    str(number),
                    f"{seconds / first.seconds:,.0f} times",
                )
            )
    head = ["method", "first run, proven", "second run, proven", "the loops", "loops", "faster"]
    return table(head, rows)


def hosts(part: Results) -> str:
    rows = []
    for size in sums.fleet_sizes(part):
        ping, first, second = (sums.fleet(part, size, what) for what in ("ping", "first", "second"))
        rows.append(
            (
                str(size),
                f"{figure(ping.seconds / size)} s",
                *(
                    f"{figure(one.seconds / size)} s ({one.seconds / ping.seconds:.2f})"
                    for one in (first, second)
                ),
                f"{ping.largest:.0f}",
                f"{max(first.largest, second.largest):.0f}",
                f"{ping.family:.0f}",
                f"{max(first.family, second.family):.0f}",
            )
        )
    head = ["hosts", "ping, each host", "first run", "second run"]
    head += ["largest process, ping, MB", "policy, MB", "all processes, ping, MB", "policy, MB"]
    said = f"{part['forks']} forks, {part['grants']} grants on each host, proven:"
    found = [said, table(head, rows)]
    most = max(sums.fleet_sizes(part))
    if len(sums.fleet_rounds(part, most, "first")) > 1:
        found.append(
            f"On {most} hosts the figures are medians of all plays of a kind: a ping at either end, and a "
            "first run before the second run and one after it, so that what grows with time is in all."
        )
    floor = sums.fleet_floor(part)
    if floor:
        found.append(
            "A module that does nothing, with the same options and the answer of a first run, takes "
            f"{floor[1]:.2f} times the play of ping on {floor[0]} hosts."
        )
    return "\n\n".join(found)


KINDS = {
    "systemd": "with systemd",
    "kept": "with systemd, where another socket is kept already",
    "bare": "without systemd",
}
GATE_WAYS = {
    "direct": "direct",
    "gate": "gate",
    "socat": "`socat`",
    "proxyd": "`systemd-socket-proxyd`",
}
# By row of measure.py, what it is for a reader.
GATE_ROWS = {
    "connects/s, 1 client": "connect, a byte there and back, close, each second; 1 client",
    "connects/s, 8 clients": "the same with 8 clients",
    "64 B p50, µs": "64 bytes there and back, median in µs",
    "64 B p99, µs": "the same, 99th percentile",
    "GB/s, 64 KiB": "writes of 64 KiB, GB each second",
    "CPU s/GB": "processor seconds for each GB",
    "failed of a burst of 500": "failed of 500 connections at once",
    "MB, 1,000 idle": "MB of memory with 1,000 idle connections",
    "reply after a half-close": "a reply one second after the client's half-close",
}


def gate(part: Results) -> str:
    found = [
        f"Medians of {part['rounds']} rounds of {part['seconds']:g} s for each figure, the gate on "
        f"{part['python']}; in brackets the multiple of `systemd-socket-proxyd`, and for messages "
        "that of `socat`:"
    ]
    for kind, called, to in (
        ("streams", "a stream", "proxyd"),
        ("messages", "messages (`seqpacket`)", "socat"),
    ):
        figures = part[kind]
        ways = [way for way in GATE_WAYS if way in figures]
        rows = [
            (words, *(_compared(figures, way, row, to) for way in ways))
            for row, words in GATE_ROWS.items()
            if row in figures["gate"]
        ]
        found.append(table([called, *(GATE_WAYS[way] for way in ways)], rows))
    return "\n\n".join(found)


def _compared(figures: dict[str, dict[str, Any]], way: str, row: str, to: str) -> str:
    value, base = figures[way][row], figures.get(to, {}).get(row)
    if isinstance(value, str):
        return value
    if way == "direct" and row in ("CPU s/GB", "MB, 1,000 idle"):
        return ""
    if not value:
        return "0"
    return f"{figure(value)} ({value / base:.2f})" if base and way != to else figure(value)


def audit(part: Results) -> str:
    rows = [
        (f"`{what}`" if "." in what else what, f"{seconds:.1f}", f"{size:.1f}" if size else "")
        for what, seconds, size in part["rows"]
        if what != "hosts on paper"
    ]
    said = (
        f"{part['hosts']:,} hosts with {part['sockets']} sockets each, in one process with at most "
        f"{part['memory']} MB:"
    )
    return f"{said}\n\n{table(['what', 'seconds', 'MB'], rows)}"


def grants_picture(part: Results) -> str:
    sizes = sums.sizes(part)
    pings, lines = [], []
    rows: dict[str, list[tuple[float, float]]] = {"proven": [], "not proven": []}
    for size in sizes:
        for called, what in (("not proven", sums.FIRST), ("proven", sums.FIRST_PROVEN)):
            one = sums.grants(part, "ssh", "systemd", size, what)
            if one:
                rows[called].append((size, one.seconds))
                if called == "not proven":
                    pings.append((size, one.ping))
    looped = [(size, one.seconds) for size, one in sums.loops(part, "ssh").items()]
    lines = [plot.Line("ping", pings)]
    floors = [
        (size, sums.grants(part, "ssh", "systemd", size, sums.FLOOR_PROVEN)) for size in sizes
    ]
    floor = [(size, one.seconds) for size, one in floors if one]
    lines += [plot.Line(f"one run, {called}", rows[called]) for called in ("not proven", "proven")]
    if looped:
        lines.append(plot.Line("loops of file and acl", looped))
    if floor:
        lines.append(plot.Line("floor of one run, proven", floor))
    values = [value for line in lines for dummy, value in line.points]
    return plot.chart(
        "Seconds of a first run, by the number of grants (over SSH, both axes logarithmic)",
        "A run of the policy stays beside ping from 1 to many grants; loops take longer with every grant.",
        plot.axis("grants", sizes, True, sizes),
        plot.axis("seconds", values, True),
        lines,
    )


def hosts_picture(part: Results) -> str:
    sizes = sums.fleet_sizes(part)
    lines = [
        plot.Line(called, [(size, sums.fleet(part, size, what).seconds) for size in sizes])
        for called, what in (
            ("ping", "ping"),
            ("policy, first run", "first"),
            ("policy, second run", "second"),
        )
    ]
    values = [value for line in lines for dummy, value in line.points]
    return plot.chart(
        f"Seconds of a whole play, by the number of hosts (over SSH, {part['forks']} forks)",
        "The play of the policy and the play of ping both grow with the number of hosts.",
        plot.axis("hosts", sizes, False),
        plot.axis("seconds", values, False),
        lines,
    )


PARTS = {
    "grants": grants,
    "methods": methods,
    "hosts": hosts,
    "gate": gate,
    "audit": audit,
}
PICTURES = {
    "performance-grants.svg": ("grants", grants_picture),
    "performance-hosts.svg": ("hosts", hosts_picture),
}


def sections(results: Results) -> dict[str, str]:
    """Return by marker what the page has there."""
    parts = results["parts"]
    found = {"machine": machine(results), "targets": targets(parts)}
    for name, made in PARTS.items():
        found[name] = made(parts[name]) if name in parts else LEFT_OUT.format(name)
    found["loops"] = loops(parts["grants"]) if "grants" in parts else found["grants"]
    return found


def written(page: str, results: Results) -> str:
    """Return the page with its sections written anew."""
    for name, text in sections(results).items():
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
        new = f"{begin}\n\n{text}\n\n{end}".replace("\\", r"\\")
        page, count = pattern.subn(new, page)
        if count != 1:
            raise ValueError(f"The page has the marker of {name} {count} times, and not once.")
    return page


def pictures(results: Results) -> dict[str, str]:
    """Return by file name the pictures that the results are enough for."""
    return {
        name: made(results["parts"][part])
        for name, (part, made) in PICTURES.items()
        if part in results["parts"]
    }
