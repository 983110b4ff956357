#!/usr/bin/env python3
"""Public addresses: an app's tunnel as somebody far away meets it, and what agents, providers and engines do wrong.

The outside is internet.py: real HTTP, TLS and LocalTunnel's protocol; cloudflared and ngrok are stand-ins that print
what the real ones print. What passes through, the passcode and ssh are tunnel_gate.py's; finding addresses: found.py.
"""

import json
import os
import signal
import time

import apps
from service import alive, case, leave
from shared import FAST, TOKEN, World, address_dies, json_of, moves_on, noted, ready, web



def pids_of(world):
    return [agent.pid for agent in world.net.agents]


# An address


@case("/service/tunnel/opens-and-closes")
def opens(service):
    world = ready(service, "cloudflared")
    events = service.api().socket("/v1/events")
    tunnel = world.open()
    view = world.is_open(tunnel)
    service.equal(view["provider"], "cloudflare", "provider")
    service.has(view["public_url"], r"^https://[a-z0-9-]+\.trycloudflare\.com$")
    service.equal(view["open_url"].rstrip("/"), view["public_url"], "URL to open")
    service.equal((view["trouble"], view["passcode"], view["reopened"]), (None, False, 0), "the tunnel")
    seen = world.net.get(view["public_url"] + "/there?is=it").json()
    service.equal(seen["path"], "/there?is=it", "path that the app saw")
    service.equal(seen["headers"]["Host"], view["public_url"][8:], "host that the app saw")
    service.equal(seen["headers"].get("X-Forwarded-Proto"), "https", "scheme that the app was told")
    service.equal(world.gate_port() != view["local_port"], True, "the agent leads to the gate")
    service.equal(service.api().get("/v1/apps/web").json()["public_url"], view["open_url"], "the app's public_url")
    event = json_of(events)
    while event.get("type") != "tunnel" or event["status"] != "open":
        event = json_of(events)
    service.equal(event["public_url"], view["public_url"], "public_url in the event")
    again = world.ask(app="web")
    service.equal(again.json(), {"tunnel": tunnel, "already": True}, "asked again")
    world.close(tunnel)
    world.gone(tunnel)
    world.no_agents()
    service.equal(world.net.answers(view["public_url"]), False, "the address still answers")
    service.equal(service.app_state("web"), "RUNNING", "the app")
    service.equal(service.api().get("/v1/apps/web").json()["public_url"], None, "the app's public_url")


@case("/service/tunnel/of-a-port-and-of-a-url")
def of_port(service):
    world = ready(service, "cloudflared")
    url = service.api().get("/v1/apps/web").json()["url"]
    port = int(url.rsplit(":", 1)[1].strip("/"))
    page = service.spawn("python3", os.path.join(service.home, "api", "web", "webapp.py"), "0", "--say", "here")
    page.until("here")
    other = json.loads(apps.read(service.folder, "notes").splitlines()[0])["listens"]
    answer = world.ask(port=other)
    service.equal(answer.status, 202, answer.text)
    view = world.is_open(answer.json()["tunnel"])
    service.equal((view["app"], view["local_port"]), (None, other), "app and port")
    service.equal(world.net.get(view["public_url"]).json()["pid"], page.pid, "who answers")
    answer = world.ask(url=url.rstrip("/") + "/lab?token=x")
    service.equal(answer.status, 202, answer.text)
    view = world.is_open(answer.json()["tunnel"])
    service.equal(view["local_port"], port, "port")
    service.has(view["open_url"], r"/lab\?token=x$")
    for view in world.all():
        world.close(view["id"])
    service.waits(lambda: not world.all(), "all are closed")
    world.no_agents()


@case("/service/tunnel/checks-do-not-reach-the-app")
def checks(service):
    world = ready(service, "cloudflared", settings=dict(FAST))
    service.api().put(["v1", "settings", "health.interval_s"], {"value": "3600"}).ok()
    view = world.opened()
    host = view["public_url"][8:]
    reached, asked = world.net.reached[host], len(noted(service, "request"))
    service.waits(lambda: world.net.reached[host] > reached or world.view(view["id"]) is None, "a check comes by", 10)
    time.sleep(2.5)
    service.equal(len(noted(service, "request")), asked, "requests that the app saw")


@case("/service/tunnel/a-name-that-is-not-known-at-once")
def lags(service):
    world = ready(service, "cloudflared")
    world.net.lag_s = 4.0
    view = world.opened(seconds=30)
    service.equal((view["provider"], len(world.net.agents)), ("cloudflare", 1), "provider and agents")


@case("/service/tunnel/url-printed-twice")
def twice(service):
    world = ready(service, "cloudflared", settings=dict(FAST))
    world.net.behave("cloudflared", "twice")
    view = world.opened()
    time.sleep(1.5)
    now = world.view(view["id"])
    service.equal((now["public_url"], now["status"], now["reopened"]), (view["public_url"], "open", 0), "the tunnel")
    service.equal((len(world.all()), len(world.net.agents)), (1, 1), "tunnels and agents")


@case("/service/tunnel/bad-questions")
def bad(service):
    world = ready(service, "cloudflared")
    world.ask(app="nobody").problem(404)
    world.ask().problem(400)
    world.ask(app="web", provider="carrier-pigeon").problem(400, 404)
    world.ask(port=0).problem(400)
    world.ask(port=70000).problem(400)
    world.ask(port="many").problem(400)
    world.ask(url="https://example.com/").problem(400, 403, 422)
    world.ask(url="no url").problem(400)
    world.ask(app="web", passcode=5).problem(400)
    for method in ("get", "delete"):
        getattr(service.api(), method)(["v1", "tunnels", "nobody"]).problem(404)
    service.api().put(["v1", "tunnels", "nobody"], {"passcode": "x"}).problem(404)
    service.equal(world.all(), [], "tunnels")


# Which provider


@case("/service/tunnel/order-ngrok-with-a-token-first")
def order(service):
    world = ready(service, "cloudflared", "ngrok")
    service.equal(world.provider("ngrok")["available"], False, "ngrok without a token")
    view = world.opened()
    service.equal(view["provider"], "cloudflare", "provider without a token")
    world.close(view["id"])
    world.gone(view["id"])
    world.net.tokens.add(TOKEN)
    world.set(ngrok_token=TOKEN)
    service.equal(world.provider("ngrok")["available"], True, "ngrok with a token")
    view = world.opened()
    service.equal(view["provider"], "ngrok", "provider with a token")
    service.lacks(service.api().get("/v1/settings").text, TOKEN)
    service.lacks(service.engine_log() + world.log(view["id"]), TOKEN)
    service.lacks(str([agent.argv for agent in world.net.agents]), TOKEN)


@case("/service/tunnel/order-token-of-the-environment")
def order_environment(service):
    web(service.home)
    world = World(service, "cloudflared", "ngrok")
    world.net.tokens.add(TOKEN)
    world.up(NGROK_AUTHTOKEN=TOKEN)
    service.ready("web")
    service.equal(world.opened()["provider"], "ngrok", "provider")


@case("/service/tunnel/order-as-the-setting-says")
def order_setting(service):
    world = ready(service, "cloudflared", "ngrok", settings={"providers": "localtunnel,cloudflare"})
    view = world.opened()
    service.equal(view["provider"], "localtunnel", "provider")
    world.close(view["id"])
    world.gone(view["id"])
    service.equal(world.opened(provider="cloudflare")["provider"], "cloudflare", "provider that was asked for")


@case("/service/tunnel/order-platform-first")
def order_platform(service):
    web(service.home, options="--host 0.0.0.0")
    world = World(service, "cloudflared")
    world.net.lead(r"abc123-(\d+)\.proxy\.runpod\.net")
    world.up(PINOKIO_PLATFORM="runpod", RUNPOD_POD_ID="abc123")
    run = service.ready("web")
    host = "abc123-%s.proxy.runpod.net" % run["url"].rsplit(":", 1)[1].strip("/")
    view = world.view(world.of_app())  # tunnel.auto is "cloud"
    view = world.becomes(view["id"], "open")
    service.equal((view["provider"], view["public_url"]), ("platform", "https://" + host), "provider and address")
    service.equal(world.net.get(view["public_url"]).status, 200, "the address")
    service.equal(world.net.agents, [], "agents")


@case("/service/tunnel/moves-on/agent-exits-at-once")
def exits(service):
    moves_on(service, "cloudflared", "exit", "(?i)cloudflare")


@case("/service/tunnel/moves-on/answer-that-is-not-json")
def not_json(service):
    moves_on(service, "cloudflared", "not-json", "(?i)cloudflare", "invalid character|unmarshal")


@case("/service/tunnel/moves-on/no-name-server")
def no_net(service):
    moves_on(service, "cloudflared", "no-net", "no such host")


@case("/service/tunnel/moves-on/rate-limit-waits-minutes")
def limited(service):
    now = time.time() * 1000
    world = moves_on(service, "cloudflared", "limited", "(?i)cloudflare")
    until = world.provider("cloudflare")["barred_until"]
    service.equal(until > now + 4 * 60000, True, "barred for minutes: %.0f s" % ((until - now) / 1000))
    view = world.opened()
    tries = len(world.net.of("cloudflared"))
    service.equal((view["provider"], tries), ("localtunnel", 1), "provider, tries of the other")


@case("/service/tunnel/moves-on/ngrok-has-too-many-sessions")
def too_many(service):
    moves_on(service, "ngrok", "limited", "108", to="cloudflare")


@case("/service/tunnel/moves-on/ngrok-has-that-name-already")
def name_taken(service):
    world = ready(service, "cloudflared", "ngrok")
    web(service.home, "other")
    world.net.tokens.add(TOKEN)
    world.set(ngrok_token=TOKEN)
    service.app_becomes("other", "INSTALLED")
    service.ready("other")
    service.equal(world.opened()["provider"], "ngrok", "the first one's provider")
    view = world.opened("other")
    service.equal(view["provider"], "cloudflare", "the second one's provider")
    service.equal([view["status"] for view in world.all()], ["open", "open"], "both")


@case("/service/tunnel/moves-on/no-program-and-none-to-be-fetched")
def no_program(service):
    world = ready(service)
    view = world.opened(seconds=40)
    service.equal(view["provider"], "localtunnel", "provider")


@case("/service/tunnel/moves-on/localtunnel-answers-nonsense")
def localtunnel_nonsense(service):
    world = ready(service, "cloudflared", settings={"providers": "localtunnel,cloudflare"})
    world.net.behave("localtunnel", "not-json")
    view = world.opened(seconds=60)
    service.equal((view["provider"], bool(world.net.asked)), ("cloudflare", True), "provider, localtunnel was asked")


@case("/service/tunnel/wrong-token")
def wrong_token(service):
    world = ready(service, "cloudflared", "ngrok")
    world.set(ngrok_token=TOKEN)
    view = world.opened()
    service.equal((view["provider"], len(world.net.of("ngrok"))), ("cloudflare", 1), "provider, tries of ngrok")
    service.lacks(service.engine_log() + str(world.all()) + world.log(view["id"]), TOKEN)
    world.close(view["id"])
    world.gone(view["id"])
    service.equal(world.opened()["provider"], "cloudflare", "provider of the next")
    service.equal(len(world.net.of("ngrok")), 1, "ngrok is not asked again with the same token")
    good = TOKEN[::-1]
    world.net.tokens.add(good)
    world.set(ngrok_token=good)
    service.equal(world.provider("ngrok")["barred_until"], 0, "barred with another token")
    world.close(world.all()[0]["id"])
    service.waits(lambda: not world.all(), "closed")
    service.equal(world.opened()["provider"], "ngrok", "provider with a good token")


@case("/service/tunnel/nobody-works-then-one-does")
def nobody(service):
    world = ready(service, "cloudflared", settings={"providers": "cloudflare"})
    world.net.behave("cloudflared", "exit")
    tunnel = world.open()
    view = world.becomes(tunnel, "waiting")
    service.equal(view["public_url"], None, "public_url")
    service.equal(bool(view["trouble"]) and view["retry_at"] > time.time() * 1000 - 1000, True, "told: %s" % view)
    world.net.behave("cloudflared", "ok")
    view = world.is_open(tunnel, seconds=25)
    service.equal(view["trouble"], None, "trouble when it is open")


def tries_at_once(service, providers, provider):
    """One that waits for minutes is told to try now; gives the world and the tunnel when it is open."""
    world = ready(service, "cloudflared", settings={"providers": providers})
    world.net.behave("cloudflared", "limited")
    tunnel = world.open()
    wait = world.becomes(tunnel, "waiting")
    service.equal(wait["retry_at"] > (time.time() + 120) * 1000, True, "it waits for minutes: %s" % wait)
    service.equal(service.api().put(["v1", "tunnels", tunnel], {"passcode": ""}).status, 200, "PUT")
    service.equal(world.view(tunnel)["retry_at"], wait["retry_at"], "not by anything else")
    world.net.behave("cloudflared", "ok")
    service.equal(service.api().put(["v1", "tunnels", tunnel], {"provider": provider}).status, 200, "PUT")
    view = world.is_open(tunnel)
    service.equal((view["provider"], view["trouble"]), ("cloudflare", None), "by the same")
    return world, view


@case("/service/tunnel/waits-for-minutes-and-is-told-the-same-provider")
def same_again(service):
    tries_at_once(service, "cloudflare", "cloudflare")


@case("/service/tunnel/waits-for-minutes-and-is-told-to-try-whom-it-may")
def anybody_again(service):
    world, view = tries_at_once(service, "cloudflare", "")
    before = len(world.net.agents)
    service.equal(service.api().put(["v1", "tunnels", view["id"]], {"provider": ""}).status, 200, "PUT")
    service.equal(world.view(view["id"])["public_url"], view["public_url"], "one that is open stays as it is")
    service.equal(len(world.net.agents), before, "agents")
    world.set(providers="cloudflare,localtunnel")
    world.net.behave("cloudflared", "limited")
    os.kill(world.net.of("cloudflared")[-1].pid, signal.SIGKILL)
    again, _ = world.again(view["id"], view["public_url"], 20)
    service.equal(again["provider"], "localtunnel", "another one may be used as before")


# Agents that die, addresses that die


def kill_agent(service, world, view, agent_name):
    agent = world.net.of(agent_name)[-1]
    os.kill(agent.pid, signal.SIGKILL)
    began = time.monotonic()
    service.waits(
        lambda: world.view(view["id"])["status"] != "open", lambda: "noticed: " + world.brief(view["id"])
    )
    noticed = time.monotonic() - began
    again, _ = world.again(view["id"], view["public_url"] if agent_name != "ngrok" else None, 15)
    whole = time.monotonic() - began
    print("# killed: noticed after %.3f s, %s answers after %.2f s" % (noticed, again["provider"], whole))
    service.equal(noticed <= 2, True, "noticed within 2 s (%.2f)" % noticed)
    service.equal(whole <= 10, True, "an address again within 10 s (%.2f)" % whole)
    service.equal(again["reopened"], 1, "reopened")
    service.equal(again["id"], view["id"], "the tunnel")


@case("/service/tunnel/agent-killed")
def killed(service):
    world = ready(service, "cloudflared")
    kill_agent(service, world, world.opened(), "cloudflared")


@case("/service/tunnel/agent-killed-and-no-other-provider")
def killed_alone(service):
    world = ready(service, "cloudflared", settings={"providers": "cloudflare"})
    kill_agent(service, world, world.opened(), "cloudflared")


@case("/service/tunnel/agent-says-that-it-lost-its-session-and-ends")
def dies(service):
    world = ready(service, "cloudflared")
    view = world.opened()
    world.net.order(world.net.agents[0], do="die")
    world.again(view["id"], view["public_url"], 10)


@case("/service/tunnel/address-stops-answering-while-the-agent-lives")
def address_error(service):
    address_dies(service, "error")


@case("/service/tunnel/address-leads-to-somebody-else")
def address_other(service):
    address_dies(service, "other")


@case("/service/tunnel/localtunnel-server-drops-it")
def localtunnel_drops(service):
    world = ready(service, settings=dict(FAST, providers="localtunnel"))
    view = world.opened()
    lent = world.net.serving(view["public_url"])
    world.net.loop.call_soon_threadsafe(lent.close)
    world.again(view["id"], view["public_url"], 30)


# The end of a tunnel, of an app, of an engine


@case("/service/tunnel/agent-that-does-not-want-to-end")
def hangs(service):
    world = ready(service, "cloudflared")
    world.net.behave("cloudflared", "hang")
    view = world.opened()
    began = time.monotonic()
    world.close(view["id"])
    world.gone(view["id"])
    world.no_agents()
    took = time.monotonic() - began
    print("# closed after %.2f s" % took)
    service.equal(took <= 4.5, True, "closed within 4 s (%.2f)" % took)


@case("/service/tunnel/closes-with-its-app")
def with_app(service):
    world = ready(service, "cloudflared")
    view = world.opened()
    pids = pids_of(world)
    service.stop("web")
    world.gone(view["id"])
    service.waits(lambda: not any(alive(pid) for pid in pids), "the agent is gone")
    service.equal(world.net.answers(view["public_url"]), False, "the address")


@case("/service/tunnel/closes-with-an-app-that-dies")
def with_dead_app(service):
    world = ready(service, "cloudflared")
    view = world.opened()
    os.kill(world.net.get(view["public_url"]).json()["pid"], signal.SIGKILL)
    world.gone(view["id"], 15)
    world.no_agents()


@case("/service/tunnel/outlives-the-engine")
def outlives(service):
    world = ready(service, "cloudflared", settings={"providers": "cloudflare"})
    view = world.opened(passcode="let me in")
    agent, gates = world.net.agents[0].pid, service.programs("pinokiocloud-gate")
    service.equal(len(gates), 1, "gates")
    service.kill()
    service.equal(world.net.get(view["public_url"]).status, 401, "the address meanwhile")
    service.equal(alive(agent) and alive(gates[0]), True, "agent and gate go on")
    service.up()
    service.waits(lambda: service.api().get("/v1/tunnels").status == 200, "the API")
    now = world.is_open(view["id"])
    service.equal(now["public_url"], view["public_url"], "address")
    service.equal((now["passcode"], now["token"]), (True, view["token"]), "passcode and token")
    service.equal([agent.pid for agent in world.net.agents], [agent], "agents that were ever started")
    service.equal(service.programs("pinokiocloud-gate"), gates, "gates")
    kill_again(service, world, now)


def kill_again(service, world, view):
    """Watched as before, also by the next engine."""
    os.kill(world.net.agents[0].pid, signal.SIGKILL)
    world.again(view["id"], view["public_url"], 15)
    service.stop("web")
    world.gone(view["id"])
    world.no_agents()


@case("/service/tunnel/agent-that-died-while-no-engine-was-there")
def died_meanwhile(service):
    world = ready(service, "cloudflared")
    view = world.opened()
    service.kill()
    os.kill(world.net.agents[0].pid, signal.SIGKILL)
    service.up()
    world.again(view["id"], view["public_url"], 20)


@case("/service/tunnel/gate-killed")
def gate_killed(service):
    world = ready(service, "cloudflared")
    view = world.opened()
    service.kill(service.programs("pinokiocloud-gate")[0])
    service.waits(lambda: world.net.answers(world.view(view["id"])["public_url"]), "the address answers again", 15)


@case("/service/tunnel/down-leaves-nothing")
def down(service):
    world = ready(service, "cloudflared")
    view = world.opened()
    service.down("--apps")
    world.no_agents()
    service.nothing_left(but=service.started)
    service.equal(world.net.answers(view["public_url"]), False, "the address")


@case("/service/tunnel/down-leaves-nothing-of-a-port's")
def down_port(service):
    world = ready(service, "cloudflared")
    page = service.spawn("python3", os.path.join(service.home, "api", "web", "webapp.py"), "0", "--say", "here")
    page.until("here")
    port = json.loads(apps.read(service.folder, "notes").splitlines()[0])["listens"]
    world.is_open(world.ask(port=port).json()["tunnel"])
    service.down("--apps")
    world.no_agents()
    service.nothing_left(but=service.started)


# Who asks for one


@case("/service/tunnel/auto-always")
def auto(service):
    web(service.home)
    world = World(service, "cloudflared", settings={"auto": "always"}).up()
    service.ready("web")
    view = world.is_open(world.of_app())
    service.equal(view["app"], "web", "app")
    service.stop("web")
    world.gone(view["id"])


@case("/service/tunnel/auto-not-on-a-machine-of-ones-own")
def not_auto(service):
    world = ready(service, "cloudflared")
    time.sleep(1)
    service.equal((world.all(), world.net.agents), ([], []), "tunnels and agents")


@case("/service/tunnel/share-cloudflare-with-a-passcode")
def share_cloudflare(service):
    secret = {"PINOKIO_SHARE_CLOUDFLARE": "true", "PINOKIO_SHARE_PASSCODE": "open sesame"}
    world = ready(service, "cloudflared", app={"environment": secret})
    view = world.is_open(world.of_app())
    service.equal((view["provider"], view["passcode"]), ("cloudflare", True), "provider, gated")
    service.equal(world.net.get(view["public_url"]).status, 401, "without the passcode")
    service.equal(noted(service, "path"), [], "what the app saw")
    service.lacks(service.engine_log() + service.api().get("/v1/tunnels").text, "open sesame")


@case("/service/tunnel/script-asks-for-one")
def of_script(service):
    start = apps.script(
        apps.shell(
            "exec python3 -u webapp.py {{port}} --say 'serving on http://127.0.0.1:{port}'",
            on=[{"event": "/serving on (http:\\/\\/[0-9.:]+)/", "done": True}],
        ),
        {"method": "local.set", "params": {"url": "{{input.event[1]}}"}},
        {"method": "cloudflare.tunnel", "params": {"uri": "{{local.url}}"}},
        {"method": "local.set", "params": {"public": "answer: {{input.uri}}"}},
        daemon=True,
    )
    folder = web(service.home)
    apps.app(service.home, os.path.basename(folder), {"start.json": start})
    world = World(service, "cloudflared").up()
    service.ready("web")
    view = world.is_open(world.all()[0]["id"])
    service.equal(view["provider"], "cloudflare", "provider")
    events, _ = service.events(service.api().get("/v1/apps/web").json()["run"])
    service.has(str(events), "answer: " + view["public_url"])


if __name__ == "__main__":
    leave()
