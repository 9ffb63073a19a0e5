"""The templates of new scripts: a small language, where template files are, and those that sqitchpy brings along."""

from __future__ import annotations

from sqitchpy.templates.bundled import bundled_template
from sqitchpy.templates.finding import Template, TemplateSearch, check_directory, check_template, find_templates
from sqitchpy.templates.language import Value, Variables, render_template

__all__ = [
    "Template",
    "TemplateSearch",
    "Value",
    "Variables",
    "bundled_template",
    "check_directory",
    "check_template",
    "find_templates",
    "render_template",
]
