"""Failures of tunnels that take their time to be noticed."""

from service import case, leave
from shared import address_dies, moves_on, ready


@case("/service/tunnel/moves-on/address-that-leads-nowhere")
def unreachable(service):
    moves_on(service, "cloudflared", "unreachable", "(?i)cloudflare", seconds=100)


@case("/service/tunnel/moves-on/agent-prints-nothing")
def silent(service):
    moves_on(service, "cloudflared", "silent", "(?i)cloudflare", seconds=70)


@case("/service/tunnel/moves-on/localtunnel-closes-every-socket")
def localtunnel_closes(service):
    world = ready(service, "cloudflared", settings={"providers": "localtunnel,cloudflare"})
    world.net.behave("localtunnel", "closes")
    view = world.opened(seconds=60)
    service.equal((view["provider"], bool(world.net.asked)), ("cloudflare", True), "provider, localtunnel was asked")


@case("/service/tunnel/address-hangs-while-the-agent-lives")
def address_hangs(service):
    address_dies(service, "hang")


if __name__ == "__main__":
    leave()
