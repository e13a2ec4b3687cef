"""What the RFCs and the contract say of single requests: tables of bytes sent and of what must come back.

`case` says what a row is and holds a server to it; the tables have a file for each document. `test_conformance.py` runs
them all.
"""
