"""Reverse proxies in front of the server, as they are deployed; each listens on a socket in the file system.

None of them lets `DELETE /keys` pass.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from harness.deadline import eventually
from harness.process import CacheServer, end_program

NGINX = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 0;
    upstream cache {{ server {host}:{port}; keepalive 8; }}
    server {{
        listen unix:{socket};
        location = /keys {{
            limit_except GET {{ deny all; }}
            proxy_pass http://cache;
        }}
        location / {{
            proxy_pass http://cache;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_request_buffering off;
            proxy_max_temp_file_size 0;
        }}
    }}
}}
"""

HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    http-reuse always
frontend front
    bind unix@{socket}
    http-request deny if METH_DELETE {{ path /keys }}
    default_backend cache
backend cache
    server one {host}:{port}
"""

PROXIES = {
    "nginx": ("nginx", "nginx-light", NGINX, ("-c", "{file}", "-p", "{folder}")),
    "haproxy": ("haproxy", "haproxy", HAPROXY, ("-db", "-f", "{file}")),
}


class Proxy:
    """A proxy's process, in front of one server."""

    def __init__(self, name: str, server: CacheServer, folder: Path) -> None:
        program, package, configuration, arguments = PROXIES[name]
        found = shutil.which(program) or shutil.which(program, path="/usr/sbin")
        if found is None:
            pytest.skip(f"no {program} on this machine: install the Debian package {package}")
        self.socket = folder / "front.sock"
        file = folder / f"{name}.conf"
        names = {"folder": folder, "socket": self.socket, "host": server.host, "port": server.port, "file": file}
        file.write_text(configuration.format(**names))
        self.process = subprocess.Popen(
            [found, *(argument.format(**names) for argument in arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        eventually(lambda: self.socket.is_socket() or self.process.poll() is not None, f"{name} listens")
        assert self.process.poll() is None, self.process.stderr.read().decode()

    def stop(self) -> None:
        end_program(self.process)
