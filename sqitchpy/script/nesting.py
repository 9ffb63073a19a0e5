"""What the text at a position is inside of: quotes, comments, parentheses, the body of a function."""

from __future__ import annotations

from sqitchpy.script import tokens

_SEMICOLON, _BACKSLASH, _COLON, _OPEN, _CLOSE, _DOLLAR, _SLASH = b";\\:()$/"
_QUOTES = b"'\""
_KNOWN_WORDS = (b"create", b"or", b"replace", b"function", b"procedure")
_BEGINNINGS = ("", "c", "co", "cor")
_FUNCTIONS = ("cf", "cp", "corf", "corp")


class Nesting:
    """Reads through text, line by line, and knows what it is inside of. Positions go in, positions come out.

    ``words`` are the initials of a statement's first words, as far as they may begin CREATE [OR REPLACE] FUNCTION or
    PROCEDURE: inside its BEGIN … END no semicolon ends the statement.
    """

    __slots__ = ("blocks", "comment", "escapes", "parens", "plain_escapes", "quote", "skip", "words")

    def __init__(self) -> None:
        self.plain_escapes = False
        """Whether a string without a prefix knows backslash escapes."""
        self.leave()

    def leave(self) -> None:
        """Be inside of nothing, before a statement."""
        self.quote: bytes | None = None
        self.escapes = False
        self.comment = self.parens = self.blocks = 0
        self.watch("")

    def watch(self, words: str) -> None:
        """Note the first words of a statement, and skip as little as the words still to be seen demand."""
        self.words = words
        if words in _FUNCTIONS and not self.parens:
            self.skip = tokens.SKIP_TO_BLOCK_WORD
        else:
            self.skip = tokens.SKIP_TO_WORD if words in _BEGINNINGS else tokens.SKIP

    def begin(self, line: bytes, start: int, pos: int, group: str) -> int:
        """Begin a statement as ``tokens.BEGINNING`` found it, from ``start`` to ``pos``, and read on."""
        if group == "function":
            self.watch("cf")
        else:
            self.watch("?")
            if line[pos : pos + 1] in (b"'", b"$"):  # what it is depends on what is before it
                pos = start
        return self.through(line, pos)

    def through(self, line: bytes, pos: int) -> int:
        r"""Read on to a semicolon that ends the statement, a backslash or colon outside quotes, or the line's end."""
        end = len(line)
        while pos < end:
            if self.quote is not None:
                pos = self._through_quoted(line, pos, self.quote)
            elif self.comment:
                pos = self.through_comment(line, pos)
            else:
                token = pos
                if skipped := self.skip.match(line, pos):
                    pos = skipped.end()
                if pos >= end:
                    break
                char = line[pos]
                if char in (_BACKSLASH, _COLON) or (char == _SEMICOLON and not self.parens and not self.blocks):
                    return pos
                pos = self._enter(line, token, pos, char)
        return pos

    def through_comment(self, line: bytes, pos: int) -> int:
        """Read on to the next edge of a comment, or the line's end."""
        edge = tokens.COMMENT_EDGE.search(line, pos)
        if edge is None:
            return len(line)
        self.comment += 1 if edge[0] == b"/*" else -1
        return edge.end()

    def _enter(self, line: bytes, token: int, pos: int, char: int) -> int:
        """Go past something special; ``token`` is a place before it that is between two tokens."""
        if char in (_OPEN, _CLOSE):
            self.parens = max(0, self.parens + (1 if char == _OPEN else -1))
            self.watch(self.words)
        elif char in _QUOTES:
            return self._open_quote(line, token, pos)
        elif char == _DOLLAR:
            return self._dollar(line, token, pos)
        elif char == _SLASH:
            self.comment = 1
            return pos + 2
        elif char != _SEMICOLON:
            return self._word(line, pos)
        return pos + 1

    def _open_quote(self, line: bytes, token: int, pos: int) -> int:
        self.quote, self.escapes = line[pos : pos + 1], False
        if self.quote == b"'":
            prefix = tokens.STRING_PREFIX.search(line[max(token, pos - 3) : pos])
            self.escapes = prefix[1] is not None if prefix else self.plain_escapes
        return pos + 1

    def _through_quoted(self, line: bytes, pos: int, quote: bytes) -> int:
        if self.escapes:
            match = tokens.ESCAPED.match(line, pos)
            end = match.end() - 1 if match else -1
        else:
            end = line.find(quote, pos)
        if end < 0:
            return len(line)
        pos = end + len(quote)
        if len(quote) > 1 or line[pos : pos + 1] != quote:
            goes_on = tokens.CONTINUATION.match(line, pos) if quote == b"'" else None
            self.quote = quote if goes_on else None
            return goes_on.end() if goes_on else pos
        return pos + 1  # doubled: still inside

    def _dollar(self, line: bytes, token: int, pos: int) -> int:
        skipped = line[token:pos]
        word = skipped[len(skipped.rstrip(tokens.WORD_BYTES)) :]
        if word and not tokens.WHOLE_NUMBER.match(word):  # in the middle of an identifier
            match = tokens.REST_OF_WORD.match(line, pos)
        elif match := tokens.DOLLAR_TAG.match(line, pos):
            self.quote, self.escapes = match[0], False
        else:
            match = tokens.PARAMETER.match(line, pos)
        return match.end() if match else pos + 1

    def _word(self, line: bytes, pos: int) -> int:
        """One of the words that matter, or the prefix of a string."""
        match = tokens.WORD.match(line, pos)
        if match is None:  # cannot be, but for ever is a long time
            return pos + 1
        word, end = match[0].lower(), match.end()
        following = line[end : end + 2]
        if (following[:1] == b"'" and word in (b"e", b"b", b"x", b"n")) or (following == b"&'" and word == b"u"):
            return self._open_quote(line, pos, line.index(b"'", end))
        if following[:1] == b"&" and word == b"u":
            return end  # psql takes it for the beginning of u&'…', not for a word
        if self.words in _FUNCTIONS:
            self._count(word)
        else:
            self.watch(self.words + (word[:1].decode() if word in _KNOWN_WORDS else "?"))
        return end

    def _count(self, word: bytes) -> None:
        if word == b"begin" or (word == b"case" and self.blocks):
            self.blocks += 1
        elif word == b"end" and self.blocks:
            self.blocks -= 1
