# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is missing is told to check mode in other words than to somebody who looks at the host."""

from __future__ import annotations

from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.foreseen import (
    as_it_stands,
    foreseen,
)


def test_a_thing_that_is_not_there() -> None:
    said = foreseen("User anna does not exist on this host yet", "create")
    assert said == (
        "User anna does not exist on this host yet; check mode assumes that an earlier task will "
        "create it."
    )
    assert as_it_stands(said) == (
        "User anna does not exist on this host any more; create it again, or correct the declaration "
        "and run the playbook."
    )


def test_a_thing_that_never_was() -> None:
    assert as_it_stands(foreseen("The program is missing", "install")) == (
        "The program is missing; install it again, or correct the declaration and run the playbook."
    )


def test_what_is_no_matter_of_check_mode_stays_as_it_is() -> None:
    assert as_it_stands("It has not ended yet; look again.") == "It has not ended yet; look again."
