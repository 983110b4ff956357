"""What a real sshd runs for whoever comes (sshd.py): tells the address as localhost.run does, after the real sshd has
opened the port that it was asked for, which its log tells."""

import os
import re
import sys
import time

import common


def forwarded():
    """The port that the sshd listens at for this client: it is asked for before the session is."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with open(sys.argv[1], encoding="utf-8", errors="replace") as file:
            found = re.findall(r"forwarding listening on 127\.0\.0\.1 port (\d+)", file.read())
        if found:
            return int(found[-1])
        time.sleep(0.02)
    print("nothing is forwarded", file=sys.stderr)
    sys.exit(1)


def main():
    outside = common.Outside("ssh", asked=os.environ.get("SSH_ORIGINAL_COMMAND"))
    print("\n===============================================================================")
    print("Welcome to localhost.run!\n\nTo set up and manage custom domains go to https://admin.localhost.run/")
    print("More details on custom domains (and how to enable subdomains of your custom")
    print("domain) at https://localhost.run/docs/custom-domains\n", flush=True)
    if outside.mode == "silent":
        common.sleep_for_ever()
    if outside.mode == "exit":
        sys.exit(1)
    outside.serve("127.0.0.1", forwarded())
    print("%s tunneled with tls termination, https://%s" % (outside.host, outside.host), flush=True)
    outside.stay(sys.stdout)


main()
