"""A real sshd on loopback, for `ssh -R`: own host key, own port, as the present user, in a folder of the case."""

import getpass
import os
import shutil
import socket
import subprocess
import sys

import harness

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
PidFile none
AuthorizedKeysFile {folder}/authorized
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
AllowTcpForwarding yes
PrintMotd no
PrintLastLog no
UseDNS no
LogLevel DEBUG1
ForceCommand {session}
"""
# What the account does: the first as localhost.run's, the second as one that may forward and nothing else.
SESSIONS = {
    "service": "PINOKIO_INTERNET={control} exec '{python}' '{script}' '{folder}/log'",
    "refused": "echo 'This account is currently not available.'; exit 1",
}
# Puts the real ssh's target at the sshd here; what comes first wins.
CLIENT = """#!/bin/sh
exec '{ssh}' -o HostName=127.0.0.1 -o Port={port} -o User={user} "$@"
"""


def can_have_port_80():
    """Who asks for a name at port 80 makes a real sshd listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", 80))
            return True
        except OSError:
            return False


class Sshd:
    """Its clients come in by a key that an ssh-agent of the case holds."""

    def __init__(self, service, internet, session="service"):
        self.program = shutil.which("sshd") or "/usr/sbin/sshd"
        if not os.path.exists(self.program):
            raise harness.Skipped("there is no sshd")
        self.service, self.folder = service, os.path.join(service.folder, "sshd")
        os.makedirs(self.folder, mode=0o700)
        for name in ("host", "key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.path(name)], check=True)
        shutil.copy(self.path("key.pub"), self.path("authorized"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.configure(internet, session)
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # where sshd puts its helper when root runs it
        self.process = service.spawn(self.program, "-D", "-f", self.path("config"), "-E", self.path("log"))
        service.waits(self.listens, lambda: "sshd listens: " + self.log()[-500:])
        self.lend_key()

    def configure(self, internet, session):
        script = os.path.join(HERE, "agents", "ssh.py")
        command = SESSIONS[session].format(
            control=internet.control_port, python=sys.executable, script=script, folder=self.folder
        )
        with open(self.path("config"), "w", encoding="utf-8") as file:
            file.write(CONFIG.format(port=self.port, folder=self.folder, session=command))

    def stand_for_services(self):
        """Whatever host the service asks ssh for, it meets this sshd. They are asked to listen at port 80."""
        if not can_have_port_80():
            raise harness.Skipped("port 80 of this machine cannot be had")
        path = os.path.join(self.service.home, "bin", "ssh")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(CLIENT.format(ssh=shutil.which("ssh"), port=self.port, user=getpass.getuser()))
        os.chmod(path, 0o755)

    def path(self, name):
        return os.path.join(self.folder, name)

    def log(self):
        with open(self.path("log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def lend_key(self):
        """ssh finds the key with the agent that its environment names, as a person's own ssh does."""
        where = self.path("agent.sock")
        self.service.spawn("ssh-agent", "-D", "-a", where)
        self.service.waits(lambda: os.path.exists(where), "the ssh-agent is there")
        self.service.stage.env["SSH_AUTH_SOCK"] = where
        subprocess.run(
            ["ssh-add", "-q", self.path("key")], env=dict(os.environ, SSH_AUTH_SOCK=where), check=True,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def target(self):
        """For the setting tunnel.ssh."""
        return "%s@127.0.0.1:%d" % (getpass.getuser(), self.port)
