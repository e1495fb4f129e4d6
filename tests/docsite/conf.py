# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Added to the conf.py that antsibull-docs makes: the guides are Markdown, and nothing is asked of the network.

extensions += ["myst_parser"]  # noqa: F821
# Guides have text and commands far more often than playbooks, and name the language of those.
highlight_language = "text"
# As the page of a repository makes them, so that links to headings work in both.
myst_heading_anchors = 4
# Of Ansible's own documentation, the few labels that are referred to; tests/tools/docs makes the inventory.
intersphinx_mapping = {
    "ansible": ("https://docs.ansible.com/projects/ansible/devel/", "../ansible.inv")
}
