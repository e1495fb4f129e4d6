# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any access, any request and any process, out of few ids, so that they often meet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain

from hypothesis import strategies as st

from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import (
    Access,
    AccessRequest,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import (
    Acl,
    entries_of,
)

IDS = (1, 2, 3, 4)
NOBODY = 9

ids = st.sampled_from(IDS)
bits = st.integers(0, 7)
maybe_bits = st.none() | bits


@st.composite
def acls(draw: st.DrawFn) -> Acl:
    """Every form that the kernel can hold: bits alone, a mask alone, named entries with a mask."""
    users = draw(st.dictionaries(ids, bits, max_size=3))
    groups = draw(st.dictionaries(ids, bits, max_size=3))
    mask = draw(bits if users or groups else st.none() | bits)
    return Acl(draw(bits), draw(bits), draw(bits), entries_of(users), entries_of(groups), mask)


accesses = st.builds(Access, ids, ids, acls())


def requests(permissions: st.SearchStrategy[int]) -> st.SearchStrategy[AccessRequest]:
    """Return requests whose named entries have such permissions."""
    return st.fixed_dictionaries(
        {
            "uid": st.none() | ids,
            "gid": st.none() | ids,
            "user_obj": maybe_bits,
            "group_obj": maybe_bits,
            "other": maybe_bits,
            "users": st.dictionaries(ids, permissions, max_size=3),
            "groups": st.dictionaries(ids, permissions, max_size=3),
            "exclusive": st.booleans(),
        }
    ).map(lambda keys: AccessRequest(**keys))


socket_requests = requests(st.sampled_from((0, 6)))
searches = st.fixed_dictionaries(
    {
        "users": st.dictionaries(ids, st.just(1), max_size=3),
        "groups": st.dictionaries(ids, st.just(1), max_size=3),
    }
).map(lambda keys: AccessRequest(**keys))
processes = st.tuples(
    st.sampled_from((*IDS, NOBODY)), st.sampled_from((*IDS, NOBODY)), st.frozensets(ids, max_size=3)
).map(lambda values: Credentials(*values))


def everyone() -> list[Credentials]:
    """Return every user among the ids, each with no group, with every single one and with two."""
    groups = [(one,) for one in (*IDS, NOBODY)] + [(1, 2), (2, 3), (3, 4)]
    return [Credentials(uid, gids[0], frozenset(gids)) for uid in (*IDS, NOBODY) for gids in groups]


def named(*requests_: AccessRequest) -> Iterable[Mapping[int, int]]:
    return chain.from_iterable((one.users, one.groups) for one in requests_)
