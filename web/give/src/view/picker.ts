// The list of charities, of funds and of campaigns, and the choice among them.

import { keccak256, toHex } from "viem";
import { type Campaign, isRead, type ReadCampaign, readStanding } from "../campaign";
import { money } from "../deeds";
import { type Charity, type Directory, type Epoch, type Fund, nameOf, type Status, statusOf } from "../directory";
import { h, the } from "../dom";
import { describe, isAtHand, shortLegalId } from "../metadata";
import type { Choice, Model } from "../model";
import { head } from "../rpc";
import { GOALS } from "../sdgs";
import { count, day } from "../text";
import { awaited, progress, shortStateOf } from "./campaign";

const HELP = {
  charity: "Each of them was verified by the registrar for a limited time. Your gift goes straight to its address.",
  fund: "One gift, many charities: each member has a fixed share, and collects it whenever it likes.",
  campaign: "Fundraisers for verified charities. The campaign holds your pledge: it goes to the charity if it succeeds, and back to you if not.",
};
const STATUS: Record<Exclude<Status, "open">, string> = {
  suspended: "Suspended",
  expired: "Verification has run out",
  revoked: "Struck off",
};
// How many charities without a choice are drawn at first; a search finds the others.
const AT_ONCE = 60;
// Campaigns are read one by one, each with a handful of questions.
const CAMPAIGNS_AT_ONCE = 12;
const SHOWN_MEMBERS = 8;
const READERS = 4;

export class Picker {
  readonly #list = the("list", HTMLDivElement);
  readonly #state = the("list-state", HTMLParagraphElement);
  readonly #search = the("search", HTMLInputElement);
  readonly #goal = the("goal", HTMLSelectElement);
  readonly #panel = the("picker", HTMLElement);
  readonly #change = the("change", HTMLButtonElement);
  #shown = AT_ONCE;
  #shownCampaigns = CAMPAIGNS_AT_ONCE;
  #kind: Choice["kind"] = "charity";

  constructor(
    readonly model: Model,
    readonly onChoose: () => void,
  ) {
    for (const [at, name] of GOALS.entries()) this.#goal.append(h("option", { value: at + 1 }, `${at + 1}. ${name}`));
    for (const radio of document.querySelectorAll<HTMLInputElement>("input[name=kind]")) {
      radio.addEventListener("change", () => this.show(radio.value as Choice["kind"]));
    }
    const refilter = (): void => {
      this.#shown = AT_ONCE;
      this.draw();
    };
    this.#search.addEventListener("input", refilter);
    this.#goal.addEventListener("change", refilter);
    this.#change.addEventListener("click", () => {
      this.#panel.classList.remove("settled");
      this.#change.hidden = true;
      this.#list.querySelector("input")?.focus();
    });
  }

  /** Changes to charities, to funds or to campaigns. */
  show(kind: Choice["kind"]): void {
    this.#kind = kind;
    const radio = document.querySelector<HTMLInputElement>(`input[name=kind][value=${kind}]`);
    if (radio !== null) radio.checked = true;
    this.draw();
  }

  /** Draws campaigns anew, where they are shown: they may have changed, and so may whose pledges they show. */
  refresh(): void {
    if (this.#kind === "campaign") this.draw();
  }

  say(text: string): void {
    this.#state.textContent = text;
  }

  draw(): void {
    const { directory } = this.model;
    the("kind-help", HTMLParagraphElement).textContent = HELP[this.#kind];
    this.#panel.dataset["kind"] = this.#kind;
    if (directory === null) return;
    if (this.#kind === "fund") this.#drawFunds(directory);
    else if (this.#kind === "campaign") this.#drawCampaigns(directory);
    else this.#drawCharities(directory);
  }

  #drawCharities(directory: Directory): void {
    const found = [...directory.charities.values()].filter((charity) => this.#matches(charity, directory.now));
    const open = [...directory.charities.values()].filter((charity) => statusOf(charity, directory.now) === "open").length;
    this.say(
      directory.charities.size === 0
        ? "No charity has been verified yet."
        : this.#search.value.trim() === "" && this.#goal.value === ""
          ? `${count(open, "charity", "charities")} can receive gifts today.`
          : `${found.length} of ${count(directory.charities.size, "charity", "charities")}`,
    );
    const cards = found.slice(0, this.#shown).map((charity) => this.#charityCard(charity, directory));
    this.#list.className = "list";
    this.#list.replaceChildren(...cards);
    if (found.length > this.#shown) {
      const more = (): void => {
        this.#shown += AT_ONCE;
        this.draw();
      };
      this.#list.append(h("button", { class: "button quiet", type: "button", click: more }, `Show more (${found.length - this.#shown})`));
    }
    // A search is over names, so it needs those that were not drawn, too.
    const isSearch = this.#search.value.trim() !== "";
    void this.#describe(isSearch ? [...directory.charities.values()] : found.slice(0, this.#shown)).then((isNew) => {
      if (isNew && isSearch && this.#kind === "charity") this.draw();
    });
  }

  #matches(charity: Charity, now: number): boolean {
    const goal = Number(this.#goal.value);
    if (goal !== 0 && !charity.goals.includes(goal)) return false;
    const wanted = this.#search.value.trim().toLowerCase();
    // Struck off for good: only somebody who looks for just that one wants to know.
    if (wanted === "") return statusOf(charity, now) !== "revoked";
    return (
      String(charity.id) === wanted.replace(/^(no\.?|#)\s*/, "") ||
      nameOf(charity).toLowerCase().includes(wanted) ||
      charity.payee.toLowerCase() === wanted ||
      // The registry keeps the hash of a legal id such as GB:CHC:1234567, so one can be found by its own words.
      charity.legalId === keccak256(toHex(this.#search.value.trim()))
    );
  }

  #charityCard(charity: Charity, directory: Directory): HTMLElement {
    const status = statusOf(charity, directory.now);
    const name = h("span", { class: "name" }, nameOf(charity));
    const about = h("span", { class: "about" }, charity.about ?? "");
    const card = h(
      "label",
      { class: `card ${status}`, "data-charity": charity.id },
      this.#radio(charity),
      h("span", { class: "words" }, name, about, h("span", { class: "meta" }, facts(charity))),
      h("span", { class: "goals" }, ...charity.goals.slice(0, 6).map((goal) => goalMark(goal))),
    );
    if (status !== "open") {
      const until = status === "suspended" ? ` until ${day(charity.suspendedUntil)}` : "";
      card.append(h("span", { class: "flag" }, `${STATUS[status]}${until}`));
    }
    return card;
  }

  #drawFunds(directory: Directory): void {
    const funds = [...directory.funds.values()].sort((one, other) => one.id - other.id);
    const open = funds.filter((fund) => fund.running !== null).length;
    this.say(funds.length === 0 ? "There is no fund yet." : `${open} of ${count(funds.length, "fund")} open for gifts.`);
    this.#list.className = "list tiles";
    this.#list.replaceChildren(...funds.map((fund) => this.#fundTile(fund)));
  }

  #fundTile(fund: Fund): HTMLElement {
    const members = fund.running === null ? 0 : live(fund.running).length;
    const state =
      fund.running !== null
        ? count(members, "charity", "charities")
        : fund.next !== null
          ? `Opens ${day(fund.next.startsAt)}`
          : "Not open yet";
    return h(
      "label",
      { class: `tile${fund.running === null ? " closed" : ""}`, "data-fund": fund.id, ...(fund.id <= GOALS.length ? { "data-goal": fund.id } : {}) },
      this.#radio(fund, fund.running === null),
      h("span", { class: "number", "aria-hidden": "true" }, String(fund.id)),
      h("span", { class: "name" }, fund.name),
      h("span", { class: "meta" }, state),
    );
  }

  #drawCampaigns(directory: Directory): void {
    const all = [...directory.campaigns.values()].sort((one, other) => other.id - one.id);
    this.say(all.length === 0 ? "No campaign has been opened yet." : `${count(all.length, "campaign")}, the newest first.`);
    const shown = all.slice(0, this.#shownCampaigns);
    this.#list.className = "list";
    this.#list.replaceChildren(...shown.map((campaign) => this.#campaignCard(campaign, directory)));
    if (all.length > shown.length) {
      const more = (): void => {
        this.#shownCampaigns += CAMPAIGNS_AT_ONCE;
        this.draw();
      };
      this.#list.append(h("button", { class: "button quiet", type: "button", click: more }, `Show more (${all.length - shown.length})`));
    }
    void this.#readCampaigns(shown, directory);
  }

  #campaignCard(campaign: Campaign, directory: Directory): HTMLElement {
    const charity = directory.charities.get(campaign.charityId);
    return h(
      "label",
      { class: "card campaign-card", "data-campaign": campaign.id },
      this.#radio(campaign),
      h("span", { class: "words" }, ...campaignWords(campaign, charity, this.model)),
      h("span", { class: "goals" }, ...(charity?.goals ?? []).slice(0, 6).map((goal) => goalMark(goal))),
    );
  }

  /** Draws a campaign's card as it was read last, where it still is. */
  redraw(campaign: Campaign): void {
    const words = this.#list.querySelector(`[data-campaign="${campaign.id}"] .words`);
    const charity = this.model.directory?.charities.get(campaign.charityId);
    words?.replaceChildren(...campaignWords(campaign, charity, this.model));
  }

  /** Reads how campaigns stand, a few at a time, and draws it where their cards still are. */
  async #readCampaigns(campaigns: readonly Campaign[], directory: Directory): Promise<void> {
    const { reader, config, assets, wallet } = this.model;
    if (reader === null || campaigns.length === 0) return;
    const left = [...campaigns];
    try {
      const { timestamp } = await head(reader);
      const source = { reader, config, assets, account: wallet?.account ?? null };
      const work = async (): Promise<void> => {
        for (let campaign = left.shift(); campaign !== undefined; campaign = left.shift()) {
          await readStanding(source, campaign, timestamp);
          this.redraw(campaign);
        }
      };
      await Promise.all(Array.from({ length: READERS }, work));
    } catch {
      this.say("Some campaigns could not be read just now. Choose one, or load the page anew.");
    }
    const charities = new Set(campaigns.map((campaign) => directory.charities.get(campaign.charityId)));
    for (const charity of charities) {
      if (charity === undefined) continue;
      void describe(charity, config).then(() => {
        for (const campaign of campaigns) if (campaign.charityId === charity.id) this.redraw(campaign);
      });
    }
  }

  #radio(item: Choice, isOff = false): HTMLInputElement {
    const isChosen = this.model.choice?.kind === item.kind && this.model.choice.id === item.id;
    return h("input", {
      type: "radio",
      name: "recipient",
      value: `${item.kind}-${item.id}`,
      checked: isChosen,
      disabled: isOff,
      change: () => this.choose(item),
    });
  }

  choose(item: Choice): void {
    if (this.model.choice !== item) this.model.tier = null;
    this.model.choice = item;
    this.#panel.classList.add("settled");
    this.#change.hidden = false;
    for (const label of this.#list.children) {
      label.classList.toggle("chosen-one", label.querySelector("input")?.value === `${item.kind}-${item.id}`);
    }
    this.onChoose();
  }

  /** Reads descriptions, a few at a time, and draws their names where their cards still are. True: some were new. */
  async #describe(charities: readonly Charity[]): Promise<boolean> {
    const left = charities.filter((charity) => !charity.isRead).sort((one, other) => Number(isAtHand(other)) - Number(isAtHand(one)));
    const work = async (): Promise<void> => {
      for (let charity = left.shift(); charity !== undefined; charity = left.shift()) {
        await describe(charity, this.model.config);
        const card = this.#list.querySelector(`[data-charity="${charity.id}"]`);
        card?.querySelector(".name")?.replaceChildren(nameOf(charity));
        card?.querySelector(".meta")?.replaceChildren(facts(charity));
        card?.querySelector(".about")?.replaceChildren(charity.about ?? "");
        if (this.model.choice === charity) this.model.changed();
      }
    };
    const isNew = left.length > 0;
    await Promise.all(Array.from({ length: READERS }, work));
    return isNew;
  }
}

function campaignWords(campaign: Campaign, charity: Charity | undefined, model: Model): HTMLElement[] {
  const forWhom = `For ${charity === undefined ? `charity no. ${campaign.charityId}` : nameOf(charity)}`;
  const known = isRead(campaign);
  return [
    h("span", { class: "name" }, nameOf(campaign)),
    h("span", { class: "about" }, forWhom),
    ...(known ? progress(campaign) : awaited()),
    h("span", { class: "meta" }, [`No. ${campaign.id}`, ...(known ? [shortStateOf(campaign), ...ownOf(campaign, model)] : [])].join(" \u00b7 ")),
  ];
}

function ownOf(campaign: ReadCampaign, { wallet }: Model): string[] {
  const { mine } = campaign.standing;
  if (mine === null || mine.account !== wallet?.account || mine.contribution === 0n) return [];
  return [mine.refundable > 0n ? `${money(campaign, mine.refundable)} waits for you` : `you pledged ${money(campaign, mine.contribution)}`];
}

const facts = (charity: Charity): string =>
  [`No. ${charity.id}`, charity.country, `legal id ${shortLegalId(charity)}`].filter((part) => part !== null).join(" \u00b7 ");

const live = (epoch: Epoch): Epoch["members"] => epoch.members.filter((member) => !member.isDropped);

export function goalMark(goal: number): HTMLElement {
  const name = `Goal ${goal}: ${GOALS[goal - 1] ?? ""}`;
  return h("span", { class: "goal", "data-goal": goal, title: name, role: "img", "aria-label": name }, String(goal));
}

/** Who shares a fund's gifts: the largest shares first, in hundredths of a percent by integers. */
export function shares(epoch: Epoch, directory: Directory): HTMLElement {
  const members = live(epoch).sort((one, other) => other.weight - one.weight);
  const total = members.reduce((sum, member) => sum + member.weight, 0);
  const line = ({ charityId, weight }: Epoch["members"][number]): HTMLElement => {
    const share = Math.floor((weight * 10_000) / total);
    const charity = directory.charities.get(charityId);
    return h(
      "li",
      {},
      h("span", {}, charity === undefined ? `Charity no. ${charityId}` : nameOf(charity)),
      h("span", { class: "share" }, `${Math.floor(share / 100)}.${String(share % 100).padStart(2, "0")} %`),
    );
  };
  return h(
    "details",
    { class: "shares" },
    h("summary", {}, `${count(members.length, "charity shares", "charities share")} this fund`),
    h("ul", {}, ...members.slice(0, SHOWN_MEMBERS).map(line)),
    members.length > SHOWN_MEMBERS && h("p", { class: "help" }, `and ${members.length - SHOWN_MEMBERS} more, with smaller or equal shares`),
  );
}
