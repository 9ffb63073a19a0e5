r"""SQL scripts as psql reads them.

``lexer`` turns bytes into statements and meta-commands, ``statements`` says what kind of statement one is, ``shape``
looks a whole script over before anything runs, ``variables`` holds psql's variables, ``interpreter`` turns a script
into actions for an engine to carry out. None of these modules knows a database.
"""
