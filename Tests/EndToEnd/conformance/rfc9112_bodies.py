"""RFC 9112, 6 and 7: where a message ends."""

from conformance.case import Case, get, put
from conformance.rfc9112 import STORED, malformed, refused, served
from harness.wire import chunked, request

BODY = b"5\r\n[1,2]\r\n0\r\n\r\n"

# Bodies of which it is not clear where they end. A PUT has the chunked BODY behind these fields.
DOUBTFUL = {
    "a length and a coding": ["Content-Length: 5", "Transfer-Encoding: chunked"],
    "a coding and a length": ["Transfer-Encoding: chunked", "Content-Length: 5"],
    "a coding and the right length": ["Transfer-Encoding: chunked", f"Content-Length: {len(BODY)}"],
    "a coding and the length 0": ["Transfer-Encoding: chunked", "Content-Length: 0"],
    "lengths that differ": ["Content-Length: 5", "Content-Length: 6"],
    "lengths that differ, 0 last": ["Content-Length: 5", "Content-Length: 0"],
    "lengths that differ in their digits": ["Content-Length: 5", "Content-Length: 05"],
    "a folded coding": ["Transfer-Encoding:\r\n chunked", "Content-Length: 5"],
    "a coding behind a space": ["Transfer-Encoding : chunked"],
    "a coding behind a vertical tab": ["Transfer-Encoding: \x0bchunked"],
    "a coding before a vertical tab": ["Transfer-Encoding: chunked\x0b"],
    "a coding in quotes": ['Transfer-Encoding: "chunked"'],
    "a coding with a parameter": ["Transfer-Encoding: chunked;q=1"],
    "two lines of codings": ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
    "chunked on two lines": ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
    "an empty coding": ["Transfer-Encoding:"],
    "chunked and another behind": ["Transfer-Encoding: chunked, gzip"],
    "chunked and identity": ["Transfer-Encoding: chunked, identity"],
    "chunked twice": ["Transfer-Encoding: chunked, chunked"],
}

# Those that the RFC lets be answered 501, as they could be meant well.
UNKNOWN_CODINGS = {
    "an unknown coding": ["Transfer-Encoding: gzip"],
    "a coding that ends like chunked": ["Transfer-Encoding: xchunked"],
    "a coding that begins like chunked": ["Transfer-Encoding: chunkedx"],
    "identity": ["Transfer-Encoding: identity"],
    "two codings": ["Transfer-Encoding: gzip, chunked"],
}

# The library reads the number before the program does, and refuses what is none to it.
LENGTHS = [
    "+5",
    "-1",
    "-5",
    "0x5",
    "5.0",
    "five",
    "",
    "5x",
    "1 0",
    "5,5",
    "5, 5",
    "5, 6",
    "5;",
    "\x0b5",
    "5\x0b",
    "\xb2",
    "1e1",
]

FRAMING = [
    *(malformed(name, "RFC 9112, 6.3", put(*lines, body=BODY)) for name, lines in DOUBTFUL.items()),
    *(refused(name, "RFC 9112, 6.1", put(*lines, body=BODY), (400, 501)) for name, lines in UNKNOWN_CODINGS.items()),
    *(
        refused(f"the length {length!r}", "RFC 9110, 8.6", put(f"Content-Length: {length}", body=BODY), by_library=True)
        for length in LENGTHS
    ),
    *(
        refused(
            f"the length {length[:25]}",
            "RFC 9110, 8.6",
            put(f"Content-Length: {length}", body=BODY),
            (400, 413),
            by_library=True,
        )
        for length in ("9223372036854775808", "18446744073709551615", "18446744073709551621", "9" * 300)
    ),
    *(
        malformed(f"a GET with {name}", "RFC 9112, 6.3", get(*DOUBTFUL[name], target="/livez") + BODY)
        for name in ("a length and a coding", "a coding and a length", "lengths that differ")
    ),
    *(
        refused(
            f"a GET with the length {length!r}",
            "RFC 9112, 6.3",
            get(f"Content-Length: {length}", target="/livez") + BODY,
            by_library=True,
        )
        for length in ("+5", "-1", "0x5", "5, 5")
    ),
    Case(
        "a refusal is one answer",
        "RFC 9112, 6.2",
        put("Content-Length: five"),
        400,
        stays=False,
        deviation="libmicrohttpd 0.9.75 writes the head of its own refusals twice",
    ),
    Case("a length behind blanks", "RFC 9112, 5.1", put("Content-Length: \t 5"), 204, stored=STORED),
    Case(
        "a length before a blank",
        "RFC 9112, 5.1",
        put("Content-Length: 5 "),
        204,
        stored=STORED,
        deviation="libmicrohttpd 0.9.75 refuses it, as openapi.yaml says",
    ),
    Case("a length with zeros before it", "RFC 9110, 8.6", put("Content-Length: 0005"), 204, stored=STORED),
    Case("a length by another case", "RFC 9110, 5.1", put("cONTENT-lENGTH: 5"), 204, stored=STORED),
    Case("no length is no body", "RFC 9112, 6.3", b"PUT <key> HTTP/1.1\r\nHost: a\r\n\r\n", 400, code="invalid_json"),
    Case("the length 0", "RFC 9112, 6.3", put("Content-Length: 0", body=b""), 400, code="invalid_json"),
    served("a GET with a body", "RFC 9110, 9.3.1", request("GET", "/livez", body=b"x" * 500)),
    served(
        "a GET with a chunked body",
        "RFC 9110, 9.3.1",
        request("GET", "/livez", "Transfer-Encoding: chunked", body=chunked(b"x" * 500, [100])),
    ),
    Case(
        "the coding's name knows no case",
        "RFC 9112, 7",
        put("transfer-encoding: cHUNKED", body=BODY),
        204,
        stored=STORED,
    ),
    Case(
        "a coding behind blanks", "RFC 9112, 5.1", put("Transfer-Encoding:\t  chunked", body=BODY), 204, stored=STORED
    ),
    Case(
        "a coding before a blank",
        "RFC 9112, 5.1",
        put("Transfer-Encoding: chunked\t", body=BODY),
        204,
        stored=STORED,
        deviation="refused, as openapi.yaml says: libmicrohttpd 0.9.75 does not take the blank away",
    ),
    # Version 1.0 has no codings.
    malformed(
        "a coding of version 1.0",
        "RFC 9112, 6.1",
        put("Transfer-Encoding: chunked", "Connection: keep-alive", body=BODY, version="HTTP/1.0"),
    ),
    malformed(
        "a coding and a length of version 1.0",
        "RFC 9112, 6.1",
        put("Transfer-Encoding: chunked", "Content-Length: 5", "Connection: keep-alive", body=BODY, version="HTTP/1.0"),
    ),
]

CODED = put("Transfer-Encoding: chunked", body=b"")
GOOD_CHUNKS = {
    "one chunk": b"5\r\n[1,2]\r\n0\r\n\r\n",
    "zeros before a size": b"0005\r\n[1,2]\r\n000\r\n\r\n",
    "many zeros before a size": b"00000000000000000000000000000005\r\n[1,2]\r\n0\r\n\r\n",
    "an extension": b"5;ext\r\n[1,2]\r\n0;ext=1\r\n\r\n",
    "an extension in quotes": b'5;ext="a;b"\r\n[1,2]\r\n0\r\n\r\n',
    "chunks of a byte": b"1\r\n[\r\n1\r\n1\r\n1\r\n,\r\n1\r\n2\r\n1\r\n]\r\n0\r\n\r\n",
    "a size in capital letters": b"A\r\n[1,2]     \r\n0\r\n\r\n",
    "a size in small letters": b"a\r\n[1,2]     \r\n0\r\n\r\n",
    "fields behind the body": b"5\r\n[1,2]\r\n0\r\nX-Trailer: a\r\nX-Other: b\r\n\r\n",
    "a length behind the body": b"5\r\n[1,2]\r\n0\r\nContent-Length: 3\r\n\r\n",
    "a coding behind the body": b"5\r\n[1,2]\r\n0\r\nTransfer-Encoding: gzip\r\nContent-Encoding: br\r\n\r\n",
    "a condition behind the body": b'5\r\n[1,2]\r\n0\r\nIf-None-Match: *\r\nIf-Match: "x"\r\n\r\n',
    "a type behind the body": b"5\r\n[1,2]\r\n0\r\nContent-Type: image/png\r\n\r\n",
    "a second Host behind the body": b"5\r\n[1,2]\r\n0\r\nHost: b\r\n\r\n",
}
BAD_CHUNKS = {
    "no size": b"\r\n[1,2]\r\n0\r\n\r\n",
    "a size that is no number": b"five\r\n[1,2]\r\n0\r\n\r\n",
    "a size with a plus": b"+5\r\n[1,2]\r\n0\r\n\r\n",
    "a size with a minus": b"-5\r\n[1,2]\r\n0\r\n\r\n",
    "a size with a prefix": b"0x5\r\n[1,2]\r\n0\r\n\r\n",
    "a space before the size": b" 5\r\n[1,2]\r\n0\r\n\r\n",
    "a size and a letter": b"5g\r\n[1,2]\r\n0\r\n\r\n",
    "two sizes": b"5 5\r\n[1,2]\r\n0\r\n\r\n",
    "a size of more than 64 bits": b"fffffffffffffffff\r\n[1,2]\r\n0\r\n\r\n",
    "a size that would wrap to 5": b"10000000000000005\r\n[1,2]\r\n0\r\n\r\n",
    "no line end behind the data": b"5\r\n[1,2]0\r\n\r\n",
    "other bytes behind the data": b"5\r\n[1,2]xx0\r\n\r\n",
    "a size that is too small": b"4\r\n[1,2]\r\n0\r\n\r\n",
    "NUL behind the size": b"5\0\r\n[1,2]\r\n0\r\n\r\n",
    "a carriage return alone behind the size": b"5\r[1,2]\r\n0\r\n\r\n",
    "a line feed alone in an extension": b"5;a\nb\r\n[1,2]\r\n0\r\n\r\n",
}
# RFC 9112, 2.2 lets a line feed alone end the lines of the head, but not those of chunks: another reader may see other
# chunks.
MISREAD_CHUNKS = {
    "a line feed alone behind the size": b"5\n[1,2]\r\n0\r\n\r\n",
    "a line feed alone behind the data": b"5\r\n[1,2]\n0\r\n\r\n",
    "a line feed alone behind the last size": b"5\r\n[1,2]\r\n0\n\r\n",
    "a carriage return alone in an extension": b"5;a\rb\r\n[1,2]\r\n0\r\n\r\n",
}

CHUNKS = [
    *(Case(name, "RFC 9112, 7.1", CODED + coded, 204, stored=STORED) for name, coded in GOOD_CHUNKS.items()),
    *(
        refused(name, "RFC 9112, 7.1", CODED + coded, (400, 413), answered=False, by_library=True)
        for name, coded in BAD_CHUNKS.items()
    ),
    *(
        refused(
            name,
            "RFC 9112, 7.1",
            CODED + coded,
            by_library=True,
            deviation="libmicrohttpd 0.9.75 takes it for the end of the line, and shows the program the data alone",
        )
        for name, coded in MISREAD_CHUNKS.items()
    ),
    Case(
        "an extension behind blanks",
        "RFC 9112, 7.1.1",
        CODED + b"5 ; ext = 1\r\n[1,2]\r\n0\r\n\r\n",
        204,
        stored=STORED,
        deviation="libmicrohttpd 0.9.75 refuses it",
    ),
    Case("a chunked body of no bytes", "RFC 9112, 7.1", CODED + b"0\r\n\r\n", 400, code="invalid_json"),
]

CASES = FRAMING + CHUNKS
