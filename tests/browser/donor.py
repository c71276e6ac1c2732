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

    def choose_campaign(self, number: int) -> None:
        """Chooses it, wherever one is; returns once it is read."""
        change = "document.querySelector('#change')"
        self.tab.run(f"{change}.checkVisibility() && {change}.click()")
        self.tab.click("input[name=kind][value=campaign]")
        self.tab.click(f"[data-campaign='{number}'] input")
        self.tab.sees("#campaign", "Deadline")

    def choose_tier(self, number: int) -> None:
        self.tab.click(f"[data-tier='{number}'] input")

    def pledge(self) -> str:
        """Reviews and sends the pledge as it stands in the form; what the page says afterwards."""
        self.review()
        return self.give()

    def do(self, deed: str) -> str:
        """Does one of what can be done with a campaign; what the page says of it."""
        self.tab.click(f"[data-deed='{deed}']")
        said = "document.querySelector('#deed-said')?.innerText.trim()"
        return str(
            self.tab.wait(
                f"/way\u2026$|network\u2026$/.test({said}) ? '' : {said}", f"{deed} to end"
            )
        )

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
