"""The frame of the page: header, tabs, the choice of the model, light and dark."""

from __future__ import annotations

from nicegui import context, ui
from nicegui.elements.header import Header
from starlette.responses import Response

import groundup
from groundup.serve.library import Library
from groundup.serve.styles import add_styles
from groundup.serve.tabs import Tab, tabs
from groundup.serve.visitor import Visitor

THEMES: dict[str, bool | None] = {"light": False, "dark": True}
HEAD = (
    '<script src="/static/page.js?{version}"></script>'
    '<meta name="description" content="Draw digits and see a neural network read them.">'
)


def build(library: Library) -> Response | None:
    """Build the page of a visitor who has just come, or return what they are told if no page is free."""
    client = context.client
    if not library.pages.enter(client):
        client.delete()
        return library.pages.refusal()
    add_styles("groundup", "draw")  # of the pad, which other tabs have, too
    ui.add_head_html(HEAD.format(version=groundup.__version__))
    Frame(Visitor(client, library, dict(client.request.query_params)), tabs())
    return None


class Frame:
    """The header and the tabs of one visitor's page.

    Parameters
    ----------
    visitor : Visitor
        Whose page it is.
    modules : dict of str to Tab
        The tabs by name; the first is open unless the address says otherwise.
    """

    def __init__(self, visitor: Visitor, modules: dict[str, Tab]) -> None:
        self.visitor = visitor
        self.modules = modules
        self.first = next(iter(modules))
        opened = visitor.url.get("tab", self.first)
        opened = opened if opened in modules else self.first
        with ui.header(wrap=False, add_scroll_padding=True).classes("page-header") as header:
            self._header(header, opened)
        with ui.element("main").classes("page-main") as main:
            self.panels = {name: self._panel(name) for name in modules}
        ui.skip_link(target=main)
        self.built: set[str] = set()
        self.show(opened)

    def _panel(self, name: str) -> ui.element:
        panel = ui.element("section").classes("panel").mark(f"panel-{name}")
        panel.props(f'role=tabpanel aria-label="{self.modules[name].TITLE}" data-testid=panel-{name}')
        panel.set_visibility(False)
        return panel

    def _header(self, header: Header, opened: str) -> None:
        ui.label("groundup").classes("page-name")
        with ui.tabs() as strip:
            strip.set_value(opened)
            strip.on_value_change(lambda event: self.show(str(event.value)))
            strip.classes("page-tabs").props("no-caps align=left outside-arrows dense inline-label")
            for name, module in self.modules.items():
                ui.tab(name, module.TITLE, module.ICON).props(f"data-testid=tab-{name}").mark(f"tab-{name}")
        with ui.element("div").classes("page-tools"):
            self._model_choice()
            self._share()
            self._theme()

    def _model_choice(self) -> None:
        visitor = self.visitor

        def chosen() -> None:
            name = str(select.value)
            if name != visitor.model_name:
                visitor.use(visitor.library.model(name), name)

        def follow() -> None:
            names = visitor.library.names()
            options = names if visitor.model_name in names else [visitor.model_name, *names]
            if select.options != options or select.value != visitor.model_name:
                select.set_options(options, value=visitor.model_name)

        select = ui.select([visitor.model_name], value=visitor.model_name, label="Model", on_change=chosen)
        select.props("dense outlined options-dense data-testid=model").classes("page-model").mark("model")
        visitor.on_change(follow)

    def _share(self) -> None:
        button = ui.button(icon="link").props('flat round aria-label="Copy a link to this page as it is"')
        button.props("data-testid=share").mark("share").tooltip("Copy a link to this page as it is")
        button.on("click", js_handler="() => groundup.share()")

    def _theme(self) -> None:
        visitor = self.visitor
        dark = ui.dark_mode(THEMES.get(visitor.url.get("theme", "")))
        button = (
            ui.button(icon="contrast").props('flat round aria-label="Light or dark" data-testid=theme').mark("theme")
        )

        def turned(is_dark: bool) -> None:
            dark.value = not is_dark
            visitor.remember("theme", "dark" if dark.value else "light")

        button.tooltip("Light or dark")
        button.on("click", lambda event: turned(bool(event.args)), js_handler="() => emit(Quasar.Dark.isActive)")

    def show(self, name: str) -> None:
        """Show the tab of this name, and build it if it was not shown before."""
        self.visitor.open_tab = name
        for other, panel in self.panels.items():
            panel.set_visibility(other == name)
        if name not in self.built:
            self.built.add(name)
            with self.panels[name]:
                self.modules[name].build(self.visitor)
        self.visitor.remember("tab", None if name == self.first else name)
        self.visitor.changed()
