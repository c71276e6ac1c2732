// A campaign beside the form: what it promises and how it stands, its NFTs to choose from, and what can be done.

import { formatAmount } from "../amounts";
import { pictureOf } from "../artwork";
import { isOpen, isRead, percentOf, type ReadCampaign, type Stage, stageEnd, type Tier } from "../campaign";
import type { Config } from "../config";
import { type Deed, deedsOf, money } from "../deeds";
import { nameOf, statusOf } from "../directory";
import { fact, h, mono, the } from "../dom";
import { describe } from "../metadata";
import type { Model } from "../model";
import { count, minute, percent, span } from "../text";

const BASIS = 10_000;

export class CampaignPanel {
  readonly #root = the("campaign", HTMLDivElement);
  readonly #tiers = the("tiers", HTMLFieldSetElement);
  readonly #deeds = the("deeds", HTMLDivElement);
  readonly #backer = h("input", { id: "backer", autocomplete: "off", spellcheck: "false", placeholder: "0x\u2026" });
  readonly #said = h("p", { class: "notice", role: "status", id: "deed-said", hidden: true });
  #isBusy = false;

  constructor(
    readonly model: Model,
    readonly onTier: (tier: Tier) => void,
    readonly onDeed: (deed: Deed, backer: string) => void,
  ) {
    model.onChange(() => this.draw());
  }

  draw(): void {
    const { choice } = this.model;
    const isShown = choice?.kind === "campaign";
    this.#root.hidden = !isShown;
    if (!isShown || !isRead(choice) || choice.offer === null) {
      this.#tiers.hidden = true;
      this.#deeds.hidden = true;
      this.#root.replaceChildren(isShown ? h("p", { class: "help" }, "Reading the campaign from the chain\u2026") : "");
      return;
    }
    const campaign = ofThisWallet(choice, this.model);
    this.#root.replaceChildren(...this.#facts(campaign, choice.offer.page));
    this.#drawTiers(campaign, choice.offer.tiers);
    this.#drawDeeds(campaign);
  }

  busy(isBusy: boolean): void {
    this.#isBusy = isBusy;
    for (const button of this.#deeds.querySelectorAll("button")) button.disabled = isBusy;
    this.#deeds.setAttribute("aria-busy", String(isBusy));
  }

  /** What came of a deed, or what is in its way. Stays until the next one, or the next campaign. */
  say(text: string | null, isFault = false): void {
    this.#said.textContent = text ?? "";
    this.#said.hidden = text === null;
    if (text !== null) this.#deeds.hidden = false;
    this.#said.classList.toggle("fault", isFault);
  }

  #facts(campaign: ReadCampaign, page: string): HTMLElement[] {
    const { directory } = this.model;
    const { terms, standing } = campaign;
    const charity = directory?.charities.get(campaign.charityId);
    const status = charity === undefined || directory === null ? "open" : statusOf(charity, standing.now);
    const forWhom = h("strong", {}, charity === undefined ? `Charity no. ${campaign.charityId}` : nameOf(charity));
    if (charity !== undefined) {
      void describe(charity, this.model.config).then(() => forWhom.replaceChildren(nameOf(charity)));
    }
    return [
      h("p", { class: "who" }, h("strong", {}, terms.name)),
      h("p", { class: "help" }, "For ", forWhom, ` (no. ${campaign.charityId} of the registry)`),
      ...(status === "open" || (standing.state !== "open" && standing.state !== "staged")
        ? []
        : [h("p", { class: "notice fault" }, `This charity cannot receive anything at the moment (${status}).`)]),
      ...progress(campaign),
      h("p", { class: "help", id: "campaign-state" }, stateOf(campaign)),
      h(
        "dl",
        { class: "facts" },
        fact("Deadline", `${minute(terms.deadline)}${isOpen(campaign) ? `, ${span(terms.deadline - standing.now)} left` : ""}`),
        fact("Promise", policyOf(campaign)),
        fact("Paid out", payoutOf(campaign)),
        ...(terms.royalty === 0 ? [] : [fact("Resale", `${percent(terms.royalty)} of an NFT's price goes to the charity.`)]),
        ...(standing.stage === null ? [] : this.#stage(campaign, standing.stage)),
        ...own(campaign),
      ),
      h(
        "details",
        { class: "shares" },
        h("summary", {}, "Where it is, and who opened it"),
        h(
          "dl",
          { class: "facts" },
          fact("Campaign", `No. ${campaign.id}, at `, mono(campaign.address)),
          fact("Opened by", mono(campaign.creator)),
          ...(page === "" ? [] : [fact("Its page", mono(page))]),
        ),
        h("p", { class: "help" }, "Name, page and pictures are the creator\u2019s word. Whom it pays is the registry\u2019s."),
      ),
    ];
  }

  #stage(campaign: ReadCampaign, stage: Stage): HTMLElement[] {
    const report = campaign.offer?.report ?? null;
    const share = percent(campaign.terms.milestones[stage.number] ?? 0);
    const name = `Milestone ${stage.number + 1} of ${campaign.terms.milestones.length}, ${share}`;
    if (stage.reportedAt === 0) return [fact("Now", `${name}: not reported yet. Without a report by ${minute(stageEnd(stage))} it is rejected.`)];
    const votes = `${money(campaign, stage.approvals)} approve, ${money(campaign, stage.objections)} object.`;
    return [
      fact("Now", `${name}: reported. Backers vote until ${minute(stageEnd(stage))}. ${votes}`),
      report === null
        ? fact("Report", "It could not be read just now. Do not vote before you have.")
        : fact("Report", mono(report.uri), h("br"), "with the hash (keccak256) ", mono(report.hash)),
    ];
  }

  #drawTiers(campaign: ReadCampaign, tiers: readonly Tier[]): void {
    const isShown = isOpen(campaign);
    this.#tiers.hidden = !isShown;
    if (!isShown) return;
    const chosen = tiers.find((tier) => tier.number === this.model.tier && tier.left > 0n) ?? tiers.find((tier) => tier.left > 0n);
    this.#tiers.replaceChildren(h("legend", {}, "Your NFT"), ...tiers.map((tier) => this.#tier(campaign, tier, tier === chosen)));
    if (chosen !== undefined) this.#choose(chosen);
  }

  #choose(tier: Tier): void {
    this.model.tier = tier.number;
    this.onTier(tier);
  }

  #tier(campaign: ReadCampaign, tier: Tier, isChosen: boolean): HTMLElement {
    const isGone = tier.left === 0n;
    return h(
      "label",
      { class: `tier${isGone ? " closed" : ""}`, "data-tier": tier.number },
      h("input", { type: "radio", name: "tier", value: tier.number, checked: isChosen, disabled: isGone, change: () => this.#choose(tier) }),
      picture(tier.artwork, this.model.config, `The picture of NFT ${tier.number}`),
      h(
        "span",
        { class: "words" },
        h("strong", {}, money(campaign, tier.price), h("em", {}, " or more")),
        h("span", { class: "meta" }, isGone ? "Sold out" : `${formatAmount(tier.left, 0)} of ${formatAmount(tier.supply, 0)} left`),
        pictureOf(tier.artwork, this.model.config) === null && h("span", { class: "meta unshown" }, tier.artwork === "" ? "Without a picture" : h("span", {}, "Picture not loaded: ", mono(tier.artwork))),
      ),
    );
  }

  #drawDeeds(campaign: ReadCampaign): void {
    const deeds = deedsOf(campaign);
    const of = String(campaign.id);
    if (this.#deeds.dataset["of"] !== of) {
      this.say(null);
      this.#backer.value = "";
    }
    this.#deeds.dataset["of"] = of;
    this.#deeds.hidden = deeds.length === 0 && this.#said.hidden;
    this.#deeds.replaceChildren(
      ...(deeds.length === 0 ? [] : [h("h3", {}, "What can be done now")]),
      ...deeds.map((deed) => this.#deed(deed)),
      this.#said,
    );
    this.busy(this.#isBusy);
  }

  #deed(deed: Deed): HTMLElement {
    const run = (): void => this.onDeed(deed, this.#backer.value);
    const button = h("button", { class: "button quiet", type: "button", "data-deed": deed.id, click: run }, deed.label);
    return h(
      "div",
      { class: "deed" },
      deed.asksBacker ? h("label", { class: "field", for: "backer" }, h("span", {}, "Another backer\u2019s address"), this.#backer) : null,
      button,
      h("p", { class: "help" }, deed.words),
    );
  }
}

/** Without what another account pledged, where the wallet has changed since. */
function ofThisWallet(campaign: ReadCampaign, { wallet }: Model): ReadCampaign {
  const { standing } = campaign;
  return standing.mine === null || standing.mine.account === wallet?.account ? campaign : { ...campaign, standing: { ...standing, mine: null } };
}

/** A stranger's picture, or an empty frame where it is not to be loaded or cannot be. */
export function picture(uri: string, config: Config, alt: string): HTMLElement {
  const frame = h("span", { class: "frame" });
  const address = pictureOf(uri, config);
  if (address === null) return frame;
  // Anonymous: the gateway gets no cookies, and gives no picture that it would not give anybody.
  const image = h("img", { alt, loading: "lazy", decoding: "async", crossorigin: "anonymous", referrerpolicy: "no-referrer" });
  image.addEventListener("error", () => frame.replaceChildren());
  image.src = address;
  frame.append(image);
  return frame;
}

export function progress(campaign: ReadCampaign): HTMLElement[] {
  const reached = percentOf(campaign);
  const { terms, standing } = campaign;
  const words = `${formatAmount(standing.raised, terms.asset.decimals)} of ${money(campaign, terms.goal)}`;
  return [
    h("progress", { class: "bar", max: 100, value: String(reached > 100n ? 100n : reached), "aria-label": "Raised of the goal" }),
    h("span", { class: "raised" }, h("strong", {}, words), h("span", {}, `${formatAmount(reached, 0)} %`)),
  ];
}

/** Room for `progress` while it is on its way: a card must not move under a finger. */
export const awaited = (): HTMLElement[] => [
  h("progress", { class: "bar", max: 100, value: 0, "aria-label": "Not read yet" }),
  h("span", { class: "raised" }, h("strong", {}, "\u2026")),
];

/** How it stands, in a few words. */
export function shortStateOf(campaign: ReadCampaign): string {
  const { terms, standing } = campaign;
  if (isOpen(campaign)) return `${span(terms.deadline - standing.now)} left`;
  return { open: "Time is up", failed: "Failed", succeeded: "Succeeded", staged: "In milestones", rejected: "Stopped at a milestone" }[standing.state];
}

function stateOf(campaign: ReadCampaign): string {
  const { state } = campaign.standing;
  if (isOpen(campaign)) return "Pledges are held by the campaign itself until it is decided.";
  return {
    open: "Time is up. Anybody can decide the campaign now.",
    failed: "It failed: every backer is paid back in full, and the NFTs are burnt.",
    succeeded: "It succeeded. The money is the charity\u2019s, and the NFTs can be handed on.",
    staged: "It succeeded. The money is released milestone by milestone.",
    rejected: "A milestone was rejected: what was not released is paid back to the backers, each in proportion.",
  }[state];
}

/** What becomes of the money below the goal. */
export function policyOf(campaign: ReadCampaign): string {
  const { terms } = campaign;
  return terms.isAllOrNothing
    ? `All or nothing: below ${money(campaign, terms.goal)} at the deadline, everybody is paid back.`
    : "Keep what you raise: the charity gets whatever was pledged by the deadline, also below the goal.";
}

/** When a pledge comes back. */
export function paidBackOf({ terms }: ReadCampaign): string {
  const policy = terms.isAllOrNothing ? "if the goal is not reached" : "if it is cancelled before the deadline";
  const rest = terms.isAllOrNothing ? ", if it is cancelled," : "";
  const milestones = terms.milestones.length === 0 ? "" : " After a rejected milestone, your part of what was not released.";
  return `All of it ${policy}${rest} or if the charity is struck off before the decision.${milestones}`;
}

function payoutOf({ terms: { milestones } }: ReadCampaign): string {
  if (milestones.length === 0) return "All of it to the charity, once the campaign has succeeded.";
  const free = BASIS - milestones.reduce((sum, share) => sum + share, 0);
  const first = free === 0 ? "" : `${percent(free)} once the campaign has succeeded, then `;
  const shares = milestones.map(percent).join(", ");
  return `To the charity, ${first}in ${count(milestones.length, "milestone")} (${shares}): each after a report and 14 days in which backers can object.`;
}

/** What this wallet pledged. */
function own(campaign: ReadCampaign): HTMLElement[] {
  const { mine, state } = campaign.standing;
  if (mine === null || (mine.contribution === 0n && mine.tokens === 0n)) return [];
  const nfts = mine.tokens === 0n ? "" : ` You hold ${count(Number(mine.tokens), "NFT")} of it${state === "succeeded" ? "" : ", which cannot be moved as long as you can be paid back"}.`;
  return [fact("You", `${mine.contribution === 0n ? "" : `You pledged ${money(campaign, mine.contribution)}.`}${nfts}`.trim())];
}
