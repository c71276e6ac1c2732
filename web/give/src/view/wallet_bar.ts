// The wallet's button, and the choice among several wallets.

import { h, the } from "../dom";
import type { Model } from "../model";
import { short } from "../text";
import type { WalletInfo, Wallets } from "../wallets";

export class WalletBar {
  readonly #button = the("wallet", HTMLButtonElement);
  readonly #dialog = the("wallets", HTMLDialogElement);

  constructor(
    readonly model: Model,
    readonly wallets: Wallets,
    readonly onConnect: (info: WalletInfo) => void,
  ) {
    this.#button.disabled = false;
    this.#button.addEventListener("click", () => this.ask());
    model.onChange(() => this.draw());
  }

  /** Lets the donor choose a wallet; the only one there is needs no choice. */
  ask(): void {
    this.wallets.ask();
    const found = this.wallets.all();
    const [only] = found;
    if (found.length === 1 && only !== undefined && this.model.wallet === null) {
      this.onConnect(only);
      return;
    }
    this.#dialog.replaceChildren(
      h("h2", { id: "wallets-title" }, found.length === 0 ? "No wallet found" : "Choose your wallet"),
      ...(found.length === 0
        ? [h("p", {}, "This browser shows no wallet to this page. Install a wallet as a browser extension, or open this page in your wallet's own browser.")]
        : []),
      h("div", { class: "wallets" }, ...found.map((info) => this.#choice(info))),
      h("button", { class: "button quiet", type: "button", click: () => this.#dialog.close() }, "Close"),
    );
    this.#dialog.showModal();
  }

  draw(): void {
    const { wallet } = this.model;
    this.#button.textContent = wallet === null ? "Connect wallet" : short(wallet.account);
    this.#button.title = wallet === null ? "" : `${wallet.name}: ${wallet.account}`;
    this.#button.classList.toggle("connected", wallet !== null);
  }

  #choice(info: WalletInfo): HTMLElement {
    const choose = (): void => {
      this.#dialog.close();
      this.onConnect(info);
    };
    const icon = info.icon === null ? null : h("img", { src: info.icon, alt: "", width: 28, height: 28 });
    return h("button", { class: "button quiet wide", type: "button", click: choose }, icon, info.name);
  }
}
