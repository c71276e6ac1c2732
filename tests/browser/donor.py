"""What a donor does on the page, in the donor's words."""

from __future__ import annotations

import json

from tests.browser.chromium import Tab


class DonorPage:
    def __init__(self, tab: Tab) -> None:
        self.tab = tab

    def connect(self) -> None:
        self.tab.click("#wallet")
        self.tab.wait("document.querySelector('#wallet').classList.contains('connected')")

    def listed(self) -> str:
        """The list, once it has been read from the chain."""
        return self.tab.sees("#list")

    def choose_charity(self, charity_id: int) -> None:
        self.tab.click(f"[data-charity='{charity_id}'] input")

    def choose_fund(self, fund_id: int) -> None:
        self.tab.click("input[name=kind][value=fund]")
        self.tab.click(f"[data-fund='{fund_id}'] input")

    def fill(
        self,
        amount: str,
        asset: str,
        *,
        tip: str | None = None,
        memo: str | None = None,
        receipt: bool = False,
    ) -> None:
        self.tab.wait("document.querySelector('#asset').options.length")
        self.tab.choose("#asset", asset)
        self.tab.type("#amount", amount)
        if tip is not None:
            self.tab.type("#tip", tip)
        if memo is not None:
            self.tab.type("#memo", memo)
        if receipt:
            self.tab.click("#receipt")

    def review(self) -> str:
        """What the page says about the gift before anything is signed."""
        self.tab.click("#review")
        return self.tab.sees("#plan")

    def give(self) -> str:
        """Gives; what the page says afterwards."""
        self.tab.click("#give")
        return self.tab.sees("#done", "Thank you")

    def refused(self, selector: str = "#form-fault") -> str:
        """The fault that is shown, once one is."""
        return str(
            self.tab.wait(
                f"document.querySelector({json.dumps(selector)})?.innerText.trim()",
                f"a fault at {selector}",
            )
        )
