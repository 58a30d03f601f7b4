"""Reads records and turns them into tables, figures, HTML, Markdown and terminal text. Imports no framework.

    comparison → measures → ranking → sentences → content → markdown, html, terminal
                          ↘ frames → figures ↗

Nothing is imported here, so that `import reports` stays cheap: pandas, seaborn and Jinja2 come with the modules that
need them.
"""
