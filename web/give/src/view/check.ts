// The last look before signing: exactly where the money goes, and what the wallet is about to ask.

import { formatAbout, formatAmount } from "../amounts";
import { isRead } from "../campaign";
import { nameOf } from "../directory";
import { fact, h, mono, the } from "../dom";
import { type Plan, type StepId, stepsOf } from "../gift";
import { memoText } from "../memo";
import type { Choice, Model } from "../model";
import { short } from "../text";
import { paidBackOf } from "./campaign";

export interface Actions {
  onBack(): void;
  onGive(): void;
  onApproval(): void;
}

const FEE_PLACES = 6;
const HELD = { charity: "Goes to", fund: "Held for its charities by", campaign: "Held by" };

export class Check {
  readonly #root = the("check", HTMLDivElement);
  #fault = h("p", { class: "notice fault", role: "alert", hidden: true });
  #buttons: HTMLButtonElement[] = [];
  #isSent = false;

  constructor(
    readonly model: Model,
    readonly actions: Actions,
  ) {}

  show(plan: Plan, choice: Choice): void {
    const { intent } = plan;
    const { asset, memo } = intent;
    const isPledge = choice.kind === "campaign";
    const money = (amount: bigint): string => `${formatAmount(amount, asset.decimals)} ${asset.symbol}`;
    const words = memoText(memo);
    const title = h("h2", { id: "check-title", tabindex: "-1" }, h("span", { class: "step", "aria-hidden": "true" }, "3"), "Is this right?");
    this.#fault = h("p", { class: "notice fault", role: "alert", hidden: true });
    const back = h("button", { class: "button quiet", type: "button", click: () => this.actions.onBack() }, "Back");
    const give = h("button", { class: "button main", type: "button", id: "give", click: () => this.actions.onGive() }, `${isPledge ? "Pledge" : "Give"} ${money(intent.amount)}`);
    this.#buttons = [back, give];
    this.#isSent = false;
    this.#root.replaceChildren(
      title,
      h(
        "div",
        { class: "sum" },
        h("p", { class: "amount" }, money(intent.amount)),
        h("p", {}, "to ", h("strong", {}, nameOf(choice))),
      ),
      h(
        "dl",
        { class: "facts", id: "plan" },
        fact(HELD[choice.kind], mono(plan.payee)),
        ...this.#whom(plan, choice),
        ...(plan.operations === null ? [] : [fact("Tip", money(intent.tip), h("br"), "to ", mono(plan.operations))]),
        fact("Leaves your wallet", h("strong", {}, money(plan.total))),
        fact("Network", this.model.config.network),
        fact(
          "Network fee",
          `${plan.isMeasured ? "" : "about "}${formatAbout(plan.fee, this.model.config.coin.decimals, FEE_PLACES)} ${this.model.config.coin.symbol}`,
        ),
        fact("From", mono(intent.donor)),
        ...(plan.route.contract === plan.payee ? [] : [fact("Through", mono(plan.route.contract))]),
        fact("Reference", words === null ? mono(memo) : words),
        ...(isPledge ? [] : [fact("Receipt", intent.wantsReceipt ? "Yes, in your wallet, for good" : "No")]),
      ),
      h("h3", {}, "What happens next"),
      h(
        "ol",
        { class: "steps", id: "steps" },
        ...stepsOf(plan).map((step) => h("li", { "data-step": step }, h("strong", {}, this.#title(step, isPledge)), h("span", {}, this.#words(step, plan)))),
      ),
      this.#fault,
      h("div", { class: "buttons" }, back, give),
    );
    this.#root.hidden = false;
    title.focus();
  }

  hide(): void {
    this.#root.hidden = true;
    this.#root.replaceChildren();
  }

  busy(isBusy: boolean): void {
    // What was sent once is not to be sent again by a second click.
    for (const button of this.#buttons) button.disabled = isBusy || (this.#isSent && button.id === "give");
    if (!isBusy) for (const item of this.#root.querySelectorAll("li")) item.classList.remove("now", "past");
    this.#root.setAttribute("aria-busy", String(isBusy));
  }

  /** Marks the step that has begun. */
  at(step: StepId): void {
    let isPast = true;
    for (const item of this.#root.querySelectorAll<HTMLElement>("#steps > li")) {
      const isNow = item.dataset["step"] === step;
      if (isNow) isPast = false;
      item.classList.toggle("now", isNow);
      item.classList.toggle("past", isPast);
      if (isNow) item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
    }
  }

  sent(hash: string): void {
    this.#isSent = true;
    const item = this.#root.querySelector("#steps > li[data-step=wait] span");
    item?.replaceChildren("Transaction ", mono(short(hash)), " is on its way.");
  }

  fault(text: string | null, offersApproval = false): void {
    this.#fault.replaceChildren(text ?? "");
    this.#fault.hidden = text === null;
    if (offersApproval) {
      this.#fault.append(h("button", { class: "button small", type: "button", click: () => this.actions.onApproval() }, "Use an approval"));
    }
  }

  #whom({ intent: { recipient } }: Plan, choice: Choice): HTMLElement[] {
    if (recipient.kind === "fund") return [fact("Fund and list", `No. ${recipient.id}, list no. ${recipient.epoch}`)];
    if (recipient.kind === "charity" || choice.kind !== "campaign" || !isRead(choice)) return [fact("Charity", `No. ${recipient.id} of the registry`)];
    return [
      fact("Campaign", `No. ${recipient.id}, for charity no. ${choice.charityId} of the registry`),
      fact("You get", `One ${choice.terms.symbol} of tier ${recipient.tier}, an NFT. It cannot be moved as long as you can be paid back.`),
      fact("Paid back", paidBackOf(choice)),
    ];
  }

  #title(step: StepId, isPledge: boolean): string {
    return {
      permit: "Sign a permission",
      reset: "Clear the old approval",
      approve: "Approve the amount",
      give: isPledge ? "Send the pledge" : "Send the gift",
      wait: "Wait for the network",
    }[step];
  }

  #words(step: StepId, plan: Plan): string {
    const { asset } = plan.intent;
    const sum = `${formatAmount(plan.total, asset.decimals)} ${asset.symbol}`;
    return {
      permit: `Costs nothing. It lets ${short(plan.route.contract)} take exactly ${sum}, for 30 minutes.`,
      reset: "This token changes an approval only from zero. One transaction more.",
      approve: `A transaction of its own. It lets ${short(plan.route.contract)} take exactly ${sum}.`,
      give: "One transaction. This is the moment your money moves.",
      wait: "Usually seconds; nothing for you to do.",
    }[step];
  }
}
