// After the gift: what the chain says, the receipt's picture, and what to keep.

import { CAMPAIGN, read } from "../abi";
import { formatAbout, formatAmount } from "../amounts";
import { metadataOf, pictureOf } from "../artwork";
import type { Campaign } from "../campaign";
import { nameOf } from "../directory";
import { copier, fact, h, mono, the } from "../dom";
import { artOf, confirmations, type Outcome } from "../gift";
import { memoText } from "../memo";
import type { Choice, Model } from "../model";
import type { Reader } from "../rpc";
import { count } from "../text";
import { picture } from "./campaign";

const POLL = 4000;
const TITLE = {
  charity: "Thank you. It has arrived.",
  fund: "Thank you. It is in the fund.",
  campaign: "Thank you. Your pledge is in.",
};
const WHERE = {
  charity: [" is with ", "."],
  fund: [" is in the fund ", ", set apart for its charities."],
  campaign: [" is held by the campaign ", " until it is decided."],
} as const;

export class Done {
  readonly #root = the("done", HTMLElement);
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly model: Model,
    readonly onAgain: () => void,
  ) {}

  show(outcome: Outcome, choice: Choice, reader: Reader): void {
    const { plan, hash } = outcome;
    const { asset, amount, memo } = plan.intent;
    const { coin, explorer } = this.model.config;
    const sum = `${formatAmount(amount, asset.decimals)} ${asset.symbol}`;
    const depth = h("span", { id: "depth" }, `block ${outcome.block}`);
    const frame = h("figure", { class: "art", id: "art" });
    const words = memoText(memo);
    const share = shareText(this.model, choice, sum, hash);
    this.#root.replaceChildren(
      h("p", { class: "seal", "aria-hidden": "true" }),
      h("h2", { id: "done-title" }, TITLE[choice.kind]),
      h(
        "p",
        { class: "lead" },
        h("strong", {}, sum),
        WHERE[choice.kind][0],
        h("strong", {}, nameOf(choice)),
        `${WHERE[choice.kind][1]} The chain logged it as you saw it:`,
      ),
      h(
        "div",
        { class: outcome.tokenId === null ? "proof" : "proof with-art" },
        h(
          "div",
          {},
          h(
            "dl",
            { class: "facts" },
            fact("Transaction", mono(hash), ...(explorer === null ? [] : [h("br"), link(`${explorer}/tx/${hash}`, "Look it up")])),
            fact("In", depth),
            ...(outcome.tip === "none"
              ? []
              : [fact("Tip", outcome.tip === "paid" ? `${formatAmount(plan.intent.tip, asset.decimals)} ${asset.symbol}, thank you` : "could not be delivered and stayed with you")]),
            fact("Network fee", `${formatAbout(outcome.fee, coin.decimals, 8)} ${coin.symbol}`),
          ),
          h("h3", {}, outcome.event),
          h("dl", { class: "facts log", id: "log" }, ...outcome.fields.map(([name, value]) => fact(name, mono(value), ...gloss(name, outcome)))),
        ),
        outcome.tokenId === null ? null : frame,
      ),
      h(
        "div",
        { class: "keep" },
        h("h3", {}, "Keep your reference"),
        h("p", {}, `With it, and the address you gave from, anybody can find this ${choice.kind === "campaign" ? "pledge" : "gift"} again.`),
        h("p", { class: "kept" }, h("span", { id: "memo-kept" }, words === null ? mono(memo) : words), copier(words ?? memo, "Copy reference")),
        h("h3", {}, "Tell others"),
        h("p", { class: "kept" }, h("span", { id: "share-text" }, share), copier(share, "Copy text")),
      ),
      h("button", { class: "button main", type: "button", click: () => this.onAgain() }, choice.kind === "campaign" ? "Back to the campaign" : "Give again"),
    );
    this.#root.hidden = false;
    this.#root.focus();
    this.#root.scrollIntoView({ block: "start" });
    if (outcome.tokenId !== null) void (choice.kind === "campaign" ? this.#drawNft(frame, reader, choice, outcome.tokenId) : this.#drawArt(frame, reader, outcome.tokenId));
    this.#watch(depth, reader, outcome);
  }

  hide(): void {
    clearTimeout(this.#timer);
    this.#root.hidden = true;
    this.#root.replaceChildren();
  }

  async #drawArt(frame: HTMLElement, reader: Reader, tokenId: bigint): Promise<void> {
    const caption = h("figcaption", {}, `Receipt no. ${tokenId}, drawn by the contract itself`);
    try {
      // An <img> runs no script and loads nothing, whatever the picture says.
      const picture = h("img", { alt: `Receipt no. ${tokenId} of this gift`, id: "receipt-picture" });
      picture.src = await artOf(reader, this.model.config.contracts.receipts, tokenId);
      await picture.decode();
      frame.replaceChildren(picture, caption);
    } catch {
      frame.replaceChildren(
        h("p", { class: "help" }, `Receipt no. ${tokenId} is in your wallet. Its picture could not be read just now.`),
      );
    }
  }

  /** The NFT as its own contract describes it; the picture is the creator's, and is treated like any stranger's. */
  async #drawNft(frame: HTMLElement, reader: Reader, campaign: Campaign, tokenId: bigint): Promise<void> {
    const { config } = this.model;
    const title = h("strong", { id: "nft-name" }, `NFT no. ${tokenId}`);
    const caption = h(
      "figcaption",
      {},
      title,
      h("br"),
      "It is yours, and cannot be moved as long as you can be paid back: only after the campaign has succeeded can you hand it on. " +
        "If the campaign fails, your pledge comes back to you, whoever asks for it, and the NFT is burnt.",
    );
    frame.replaceChildren(caption);
    try {
      const { name, image } = metadataOf(await read<string>(reader, campaign.address, CAMPAIGN, "tokenURI", [tokenId]));
      title.textContent = name;
      const isShown = pictureOf(image, config) !== null;
      frame.replaceChildren(
        isShown ? picture(image, config, `The picture of ${name}`) : h("p", { class: "help" }, "Its picture lies where this page does not look: ", mono(image)),
        caption,
      );
    } catch {
      frame.append(h("p", { class: "help" }, "Its picture could not be read just now."));
    }
  }

  /** Counts confirmations, and says so where the block is replaced after all. */
  #watch(place: HTMLElement, reader: Reader, outcome: Outcome): void {
    const wanted = this.model.config.confirmations;
    const look = async (): Promise<void> => {
      const found = await confirmations(reader, outcome.hash).catch(() => null);
      if (found !== null) {
        place.textContent =
          found === 0
            ? "no block any more: the network has reordered its last blocks. Wait, and look the transaction up."
            : found >= wanted
              ? `block ${outcome.block}, confirmed`
              : `block ${outcome.block}, ${found} of ${count(wanted, "confirmation")}`;
      }
      if (found === null || found < wanted) this.#timer = setTimeout(() => void look(), POLL);
    };
    void look();
  }
}

/** What a raw field of the log means. */
function gloss(name: string, { plan }: Outcome): HTMLElement[] {
  const { asset, amount, memo } = plan.intent;
  const words: Record<string, string | null> = {
    asset: asset.symbol,
    amount: `${formatAmount(amount, asset.decimals)} ${asset.symbol}`,
    memo: memoText(memo),
  };
  const found = words[name] ?? null;
  return found === null ? [] : [h("span", { class: "gloss" }, found)];
}

function link(url: string, text: string): HTMLElement {
  return h("a", { href: url, rel: "noreferrer noopener", target: "_blank" }, text);
}

function shareText({ config }: Model, choice: Choice, sum: string, hash: string): string {
  const page = `${location.origin}${location.pathname}#${choice.kind}=${choice.id}`;
  const proof = config.explorer === null ? `Transaction ${hash} on ${config.network}.` : `${config.explorer}/tx/${hash}`;
  return `I ${choice.kind === "campaign" ? "pledged" : "gave"} ${sum} to ${nameOf(choice)} with DonaBlock. ${proof} Give too: ${page}`;
}
