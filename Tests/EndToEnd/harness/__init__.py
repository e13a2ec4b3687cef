"""What the end-to-end tests drive the real binary with: the process, curl, raw sockets, and the contract's figures."""
