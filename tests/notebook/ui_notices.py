#!/usr/bin/env python3
"""What a person should read: shown, counted, folded, sent away."""

import logging
import os

from support import case, leave, nothing_left

import apps
from desk import Desk
from hands import buttons, by_class, click, raw_html, shown, shown_text, tree
from pinokiocloud.ui.notices import Notices

logging.disable(logging.CRITICAL)


class Page:
    def __init__(self, service, desk):
        self.service, self.desk, self.runs = service, desk, []
        self.notices = Notices(desk.store, desk.bridge, show_run=self.runs.append)

    @property
    def widget(self):
        return self.notices.widget

    def cards(self):
        return by_class(self.widget, "pino-note")

    def text(self):
        return shown_text(self.widget)

    def says(self, kind, text, **more):
        self.desk.store.notice(kind, text, **more)
        self.sees(text.split("\n")[0][:50])

    def sees(self, text):
        self.desk.until(lambda: text in self.text(), lambda: "%r is shown: %s" % (text, self.text()))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        widgets = list(tree(self.widget))
        self.notices.close()
        self.service.equal([one for one in widgets if one.comm is not None], [], "open after close()")


@case("/notebook/ui/notices/newest-three-and-dismissed")
def newest(service):
    service.up()
    with nothing_left(), Desk(service) as desk, Page(service, desk) as page:
        service.equal(list(shown(page.widget)), [], "hidden while there are none")
        page.says("trouble", "first")
        service.equal([one.description for one in buttons(page.widget)], ["Dismiss"], "buttons")
        for word in ("second", "third", "fourth", "fifth"):
            page.says("idle", word)
        text = page.text()
        service.equal(
            [word for word in ("fifth", "fourth", "third") if word in text], ["fifth", "fourth", "third"], "shown"
        )
        service.equal(text.index("fifth") < text.index("fourth") < text.index("third"), True, "the newest is first")
        service.has(text, "2 more")
        service.equal([word for word in ("first", "second") if word in text], [], "not shown")
        buttons(page.cards()[0], "Dismiss")[0].click()
        service.lacks(page.text(), "fifth")
        service.has(page.text(), "second")
        desk.store.notice("idle", "fourth")
        desk.store.notice("idle", "fourth")
        page.says("trouble", "sixth")
        service.has(page.text(), "said 3 times")
        click(page.widget, "Dismiss all")
        service.equal(list(shown(page.widget)), [], "hidden again")
        desk.store.notice("trouble", "first")
        page.says("trouble", "seventh")
        service.equal(len(page.cards()), 1, "what was read stays away")


@case("/notebook/ui/notices/errors-in-full-and-hostile-texts")
def errors(service):
    service.up()
    with Desk(service) as desk, Page(service, desk) as page:
        desk.bridge.trouble(ValueError("broken\nline two <b>\n" + "x" * 5000))
        page.sees("ValueError: broken")
        html = raw_html(page.widget)
        service.has(html, "<details><summary>ValueError: broken</summary>")
        service.has(html, "line two &lt;b&gt;\n" + "x" * 5000)
        page.says("trouble", "see this", href="")
        desk.store.notice("trouble", "at https://example.com/help, <img src=x onerror=alert(1)>")
        page.sees("onerror=alert(1)>")
        service.has(raw_html(page.widget), 'href="https://example.com/help"')
        for name in ("<script>alert(1)</script>\u202e\U0001f680", "n" * 300):
            desk.store.notice(
                "app",
                name,
                app=name,
                run="r1",
                html="<script>bad()</script><b>fine</b> " + name,
                href="javascript:alert(1)",
            )
        page.sees("fine")
        html = raw_html(page.widget)
        for bad in ("<script", "<img", 'href="javascript'):
            service.equal(bad in html, False, bad)


@case("/notebook/ui/notices/what-an-app-says")
def app_says(service):
    notify = {
        "method": "notify",
        "params": {
            "html": "<b>Done</b>: your <a href='https://example.com/r'>result</a>",
            "href": "https://example.com/open",
        },
    }
    opens = {"method": "web.open", "params": {"uri": "https://example.com/page"}}
    start = apps.script(notify, opens, {"method": "fs.write", "params": {"path": "after", "text": "went on"}})
    folder = apps.app(service.home, "talks", {"pinokio.js": apps.menu("talks"), "start.json": start})
    service.up()
    with Desk(service) as desk, Page(service, desk) as page:
        run = service.launch("talks")
        page.sees("Done")
        page.sees("example.com/page")
        service.waits(lambda: os.path.exists(os.path.join(folder, "after")), "the script does not wait")
        html = raw_html(page.widget)
        for url in ("https://example.com/r", "https://example.com/open", "https://example.com/page"):
            service.has(html, 'href="%s" target="_blank" rel="noopener noreferrer"' % url)
        service.has(page.text(), "talks")
        buttons(page.widget, "Show output")[0].click()
        service.equal(page.runs, [run], "show_run")


if __name__ == "__main__":
    leave()
