// The gift itself: how much, in what, with which reference.

import { formatAmount, parseAmount } from "../amounts";
import { type Asset, isCoin } from "../assets";
import { isOpen, isRead, type Tier } from "../campaign";
import { nameOf, statusOf } from "../directory";
import { h, the } from "../dom";
import { Fault } from "../errors";
import type { Intent, Recipient } from "../gift";
import { parseMemo } from "../memo";
import type { Choice, Model } from "../model";
import { short } from "../text";
import { goalMark, shares } from "./picker";

export class GiftForm {
  readonly #form = the("form", HTMLFormElement);
  readonly #amount = the("amount", HTMLInputElement);
  readonly #asset = the("asset", HTMLSelectElement);
  readonly #tip = the("tip", HTMLInputElement);
  readonly #memo = the("memo", HTMLInputElement);
  readonly #receipt = the("receipt", HTMLInputElement);
  readonly #fault = the("form-fault", HTMLParagraphElement);
  readonly #button = the("review", HTMLButtonElement);
  #suggested = "";

  constructor(
    readonly model: Model,
    onSubmit: () => void,
    onAsset: () => void,
  ) {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      onSubmit();
    });
    this.#asset.addEventListener("change", () => {
      this.draw();
      onAsset();
    });
    for (const input of [this.#amount, this.#tip, this.#memo]) input.addEventListener("input", () => this.fault(null));
    model.onChange(() => this.draw());
  }

  get asset(): Asset | null {
    return this.#taken().find((asset) => asset.address === this.#asset.value) ?? null;
  }

  /** Fills in what a link asks for; what it does not name stays. */
  fill(amount: string | null, symbol: string | null, memo: string | null): void {
    if (amount !== null) this.#amount.value = amount;
    if (memo !== null) this.#memo.value = memo;
    const asset = this.model.assets.find((each) => each.symbol === symbol);
    if (asset !== undefined) this.#asset.value = asset.address;
    this.draw();
  }

  /** A tier's price stands in the field until the backer writes another amount. */
  suggest(tier: Tier): void {
    const { asset } = this;
    if (asset === null || (this.#amount.value !== "" && this.#amount.value !== this.#suggested)) return;
    this.#suggested = formatAmount(tier.price, asset.decimals).replaceAll(",", "");
    this.#amount.value = this.#suggested;
    this.fault(null);
  }

  /** What the donor wants, in integers; throws what is wrong with it, at its field. */
  intent(): Intent {
    const { choice, wallet } = this.model;
    const { asset } = this;
    if (choice === null) throw new Fault("Choose whom to give to first.");
    if (choice.kind === "campaign" && choice.offer === null) throw new Fault("The campaign is still being read. Try again in a moment.");
    if (wallet === null) throw new Fault("Connect your wallet first.");
    if (asset === null) throw new Fault("Choose what to give.");
    const amount = this.#at(this.#amount, () => {
      const parsed = parseAmount(this.#amount.value, asset.decimals, "how much you would like to give");
      if (parsed === 0n) throw new Fault("The amount is zero. Enter how much you would like to give.");
      return parsed;
    });
    const tip = this.#at(this.#tip, () =>
      choice.kind !== "charity" || this.#tip.value.trim() === "" ? 0n : parseAmount(this.#tip.value, asset.decimals, "the tip, or 0"),
    );
    const memo = this.#at(this.#memo, () => parseMemo(this.#memo.value));
    return {
      recipient: this.#recipient(choice),
      asset,
      amount,
      tip,
      memo,
      wantsReceipt: choice.kind !== "campaign" && this.#receipt.checked,
      donor: wallet.account,
    };
  }

  fault(text: string | null): void {
    this.#fault.textContent = text ?? "";
    this.#fault.hidden = text === null;
    if (text === null) for (const input of [this.#amount, this.#tip, this.#memo]) input.removeAttribute("aria-invalid");
  }

  busy(isBusy: boolean): void {
    this.#button.disabled = isBusy;
    this.#button.textContent = isBusy ? "Checking with the network\u2026" : this.#label();
  }

  show(isShown: boolean): void {
    this.#form.hidden = !isShown;
  }

  /** A new gift: nothing of the last one stays but the choices. */
  clear(): void {
    this.#amount.value = "";
    this.#tip.value = "0";
    this.#memo.value = "";
    this.fault(null);
  }

  draw(): void {
    const { choice, directory, wallet, balance } = this.model;
    this.#drawAssets();
    const isPledge = choice?.kind === "campaign";
    const isTaken = !isPledge || (isRead(choice) && isOpen(choice));
    the("fields", HTMLDivElement).hidden = !isTaken;
    the("gift-words", HTMLSpanElement).textContent = !isPledge ? "Your gift" : isTaken ? "Your pledge" : "The campaign";
    the("tip-field", HTMLDivElement).hidden = choice !== null && choice.kind !== "charity";
    the("receipt-field", HTMLLabelElement).hidden = isPledge;
    the("tip-unit", HTMLSpanElement).textContent = this.asset?.symbol ?? "";
    the("balance", HTMLParagraphElement).textContent =
      wallet === null || balance === null || balance.of !== this.asset
        ? ""
        : `You have ${formatAmount(balance.amount, balance.of.decimals)} ${balance.of.symbol}.`;
    if (!this.#button.disabled) this.#button.textContent = this.#label();

    const chosen = the("chosen", HTMLDivElement);
    chosen.hidden = isPledge;
    if (isPledge) return;
    if (choice === null || directory === null) {
      chosen.replaceChildren(h("p", { class: "help" }, "Choose a charity, a fund or a campaign, and it will stand here."));
      return;
    }
    if (choice.kind === "fund") {
      chosen.replaceChildren(
        h("p", { class: "who" }, choice.id <= 17 ? goalMark(choice.id) : null, h("strong", {}, choice.name)),
        ...(choice.running === null ? [] : [shares(choice.running, directory)]),
      );
      return;
    }
    const status = statusOf(choice, directory.now);
    chosen.replaceChildren(
      h("p", { class: "who" }, h("strong", {}, nameOf(choice))),
      h("p", { class: "help" }, `Paid at ${short(choice.payee)}`),
      ...(status === "open" ? [] : [h("p", { class: "notice fault" }, `This charity cannot receive gifts at the moment (${status}).`)]),
    );
  }

  #label(): string {
    const { wallet } = this.model;
    if (wallet === null) return "Connect wallet";
    if (this.model.isReady) return this.model.choice?.kind === "campaign" ? "Review the pledge" : "Review the gift";
    return `Switch to ${this.model.config.network}`;
  }

  #recipient(choice: Choice): Recipient {
    if (choice.kind === "charity") return { kind: "charity", id: choice.id };
    if (choice.kind === "fund") {
      if (choice.running === null) throw new Fault("This fund is not open yet.");
      return { kind: "fund", id: choice.id, epoch: choice.running.number };
    }
    if (this.model.tier === null) throw new Fault("Every NFT of this campaign is sold out. It takes no more pledges.");
    return { kind: "campaign", id: choice.id, address: choice.address, tier: this.model.tier };
  }

  /** What the choice takes. */
  #taken(): Asset[] {
    const { choice, assets } = this.model;
    if (choice?.kind === "campaign") return choice.terms === null ? [] : [choice.terms.asset];
    return assets.filter((asset) => (choice?.kind === "fund" ? asset.forFunds : asset.forCharities));
  }

  #drawAssets(): void {
    const taken = this.#taken();
    const before = this.#asset.value;
    const symbols = taken.map((asset) => asset.symbol);
    const wanted = taken.map((asset) => asset.address).join();
    if (this.#asset.dataset["of"] === wanted) return;
    this.#asset.dataset["of"] = wanted;
    this.#asset.replaceChildren(
      ...taken.map((asset) => {
        // Two tokens that call themselves the same must not look the same.
        const isTwin = !isCoin(asset) && symbols.filter((symbol) => symbol === asset.symbol).length > 1;
        return h("option", { value: asset.address }, isTwin ? `${asset.symbol} (${short(asset.address)})` : asset.symbol);
      }),
    );
    if (taken.some((asset) => asset.address === before)) this.#asset.value = before;
  }

  #at<T>(input: HTMLInputElement, parse: () => T): T {
    try {
      return parse();
    } catch (error) {
      input.setAttribute("aria-invalid", "true");
      input.focus();
      throw error;
    }
  }
}
