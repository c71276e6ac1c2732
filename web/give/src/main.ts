// The page: reads its config, lists who can be given to, and leads one gift from the choice to the proof.

import "./style.css";
import { isRead, readWhole } from "./campaign";
import { act, type Deed } from "./deeds";
import { balanceOf, loadAssets } from "./assets";
import { type Config, loadConfig } from "./config";
import { loadDirectory } from "./directory";
import { fact, h, mono, the } from "./dom";
import { explain, Fault } from "./errors";
import { give, type Outcome, type Plan, prepare } from "./gift";
import { type Choice, Model } from "./model";
import { chainIdOf, HttpReader, type Reader, WalletReader } from "./rpc";
import { type Place, sameChain } from "./sending";
import { CampaignPanel } from "./view/campaign";
import { Check } from "./view/check";
import { Done } from "./view/done";
import { GiftForm } from "./view/form";
import { Picker } from "./view/picker";
import { WalletBar } from "./view/wallet_bar";
import { connect, firstAccount, switchChain, type WalletInfo, Wallets } from "./wallets";

const notice = the("notice", HTMLDivElement);

function say(fault: Fault | null, action: { label: string; run: () => void } | null = null): void {
  if (fault === null) {
    notice.replaceChildren();
    return;
  }
  const button = action === null ? null : h("button", { class: "button small", type: "button", click: action.run }, action.label);
  notice.replaceChildren(h("p", { class: "notice fault" }, h("span", {}, fault.message), button));
}

class Page {
  readonly #model: Model;
  readonly #picker: Picker;
  readonly #form: GiftForm;
  readonly #panel: CampaignPanel;
  readonly #check: Check;
  readonly #done: Done;
  readonly #bar: WalletBar;
  #plan: Plan | null = null;
  #planned: Choice | null = null;

  constructor(readonly config: Config) {
    this.#model = new Model(config);
    this.#picker = new Picker(this.#model, () => this.#chosen());
    this.#form = new GiftForm(
      this.#model,
      () => void this.#review(),
      () => void this.#refreshBalance(),
    );
    this.#panel = new CampaignPanel(
      this.#model,
      (tier) => this.#form.suggest(tier),
      (deed, backer) => void this.#act(deed, backer),
    );
    this.#check = new Check(this.#model, {
      onBack: () => this.#back(),
      onGive: () => void this.#give(),
      onApproval: () => void this.#withApproval(),
    });
    this.#done = new Done(this.#model, () => this.#again());
    this.#bar = new WalletBar(this.#model, new Wallets(() => {}), (info) => void this.#connect(info));
    the("amount", HTMLInputElement).addEventListener("input", () => say(null));
    window.addEventListener("hashchange", () => this.#fromLink());
    this.#drawFrame();
    this.#picker.draw();
    if (config.rpcUrls.length > 0) void this.#load(new HttpReader(config.rpcUrls));
    else this.#picker.say("Connect your wallet: this page reads the list of charities through it.");
    this.#model.changed();
  }

  #drawFrame(): void {
    const chip = the("network", HTMLSpanElement);
    chip.textContent = this.config.network;
    chip.hidden = false;
    const { contracts } = this.config;
    the("contracts", HTMLDListElement).replaceChildren(
      fact("Network", this.config.network),
      fact("Gifts", mono(contracts.giving)),
      fact("Index funds", mono(contracts.funds)),
      fact("Registry", mono(contracts.registry)),
      fact("Receipts", mono(contracts.receipts)),
      fact("Campaigns", mono(contracts.campaigns)),
    );
  }

  /** Reads who and what can be given, once. */
  async #load(reader: Reader): Promise<void> {
    this.#model.reader = reader;
    try {
      if ((await chainIdOf(reader)) !== this.config.chainId) {
        throw new Fault(`This page's node is not on ${this.config.network}. Whoever runs the page must mend its config.json.`);
      }
      this.#picker.say("Reading the list from the chain\u2026");
      const [directory, assets] = await Promise.all([
        loadDirectory(reader, this.config, (share) => this.#picker.say(`Reading the list from the chain: ${Math.floor(share * 100)} %`)),
        loadAssets(reader, this.config),
      ]);
      this.#model.directory = directory;
      this.#model.assets = assets;
      this.#picker.draw();
      this.#model.changed();
      this.#fromLink();
    } catch (error) {
      this.#model.reader = null;
      this.#picker.say("The list could not be read.");
      say(explain(error), { label: "Try again", run: () => this.#retry(reader) });
    }
  }

  #retry(reader: Reader): void {
    say(null);
    void this.#load(reader);
  }

  /** #charity=12&amount=25&asset=USDC&memo=... fills the form; it is still the donor who reviews and signs. */
  #fromLink(): void {
    const link = new URLSearchParams(location.hash.slice(1));
    const { directory } = this.#model;
    const charity = directory?.charities.get(Number(link.get("charity") ?? 0));
    const fund = directory?.funds.get(Number(link.get("fund") ?? 0));
    const campaign = directory?.campaigns.get(Number(link.get("campaign") ?? 0));
    const choice = charity ?? fund ?? campaign;
    if (choice !== undefined) {
      this.#model.choice = choice;
      this.#picker.show(choice.kind);
      if (choice.kind === "campaign") this.#model.tier = Number(link.get("tier") ?? 0);
      this.#picker.choose(choice);
    }
    this.#form.fill(link.get("amount"), link.get("asset"), link.get("memo"));
  }

  #chosen(): void {
    this.#form.fault(null);
    this.#model.changed();
    void this.#refreshBalance();
    void this.#readCampaign();
  }

  /** Reads the chosen campaign as it stands now. */
  async #readCampaign(): Promise<void> {
    const { choice, reader, config, assets, wallet } = this.#model;
    if (choice?.kind !== "campaign" || reader === null) return;
    try {
      await readWhole({ reader, config, assets, account: wallet?.account ?? null }, choice);
    } catch (error) {
      if (this.#model.choice === choice) this.#form.fault(explain(error).message);
      return;
    }
    this.#picker.redraw(choice);
    if (this.#model.choice !== choice) return;
    this.#model.changed();
    void this.#refreshBalance();
  }

  /** Something was pledged or done, or another wallet looks: the campaigns are read anew. */
  async #rereadCampaigns(): Promise<void> {
    await this.#readCampaign();
    this.#picker.refresh();
  }

  async #act(deed: Deed, backer: string): Promise<void> {
    const { choice, wallet } = this.#model;
    if (choice?.kind !== "campaign" || !isRead(choice)) return;
    if (wallet === null) {
      this.#bar.ask();
      return;
    }
    if (!this.#model.isReady) {
      await this.#switch();
      return;
    }
    this.#panel.say("Checking with the network\u2026");
    this.#panel.busy(true);
    let said: string | Fault;
    try {
      const place = this.#place();
      await sameChain(place);
      said = await act(place, choice, deed, wallet.account, backer, () => this.#panel.say("It is on its way\u2026"));
    } catch (error) {
      said = explain(error);
    }
    // Done or refused: what stands there may be old, so it is read anew before anything else can be clicked.
    await this.#rereadCampaigns();
    this.#panel.busy(false);
    if (said instanceof Fault) this.#tell(said, (text) => this.#panel.say(text, true));
    else this.#panel.say(said);
  }

  async #connect(info: WalletInfo): Promise<void> {
    say(null);
    try {
      const wallet = await connect(info);
      this.#forget();
      this.#model.wallet = wallet;
      info.provider.on?.("accountsChanged", this.#onAccounts);
      info.provider.on?.("chainChanged", this.#onChain);
      this.#model.changed();
      this.#checkChain();
      if (this.config.rpcUrls.length === 0 && this.#model.isReady) await this.#load(new WalletReader(info.provider));
      await this.#refreshBalance();
      await this.#rereadCampaigns();
    } catch (error) {
      say(explain(error));
    }
  }

  #forget(): void {
    const provider = this.#model.wallet?.provider;
    provider?.removeListener?.("accountsChanged", this.#onAccounts);
    provider?.removeListener?.("chainChanged", this.#onChain);
  }

  readonly #onAccounts = (accounts: unknown): void => {
    const { wallet } = this.#model;
    if (wallet === null) return;
    try {
      wallet.account = firstAccount(accounts);
    } catch {
      this.#forget();
      this.#model.wallet = null;
    }
    // What was reviewed was another account's gift.
    if (this.#plan !== null) this.#back();
    this.#model.balance = null;
    this.#model.changed();
    void this.#refreshBalance();
    void this.#rereadCampaigns();
  };

  readonly #onChain = (chainId: unknown): void => {
    const { wallet } = this.#model;
    if (wallet === null) return;
    wallet.chainId = Number(chainId);
    if (this.#model.isReady) say(null);
    this.#checkChain();
    this.#model.changed();
    if (this.#model.isReady && this.#model.reader === null) void this.#load(new WalletReader(wallet.provider));
    void this.#refreshBalance();
  };

  #checkChain(): void {
    if (this.#model.wallet === null || this.#model.isReady) return;
    say(new Fault(`Your wallet is on another network. This page gives on ${this.config.network}.`, "chain"), {
      label: `Switch to ${this.config.network}`,
      run: () => void this.#switch(),
    });
  }

  async #switch(): Promise<void> {
    const { wallet } = this.#model;
    if (wallet === null) return;
    try {
      await switchChain(wallet.provider, this.config);
      // Not every wallet tells of the change.
      this.#onChain(await wallet.provider.request({ method: "eth_chainId" }));
    } catch (error) {
      say(explain(error), { label: "Try again", run: () => void this.#switch() });
    }
  }

  async #refreshBalance(): Promise<void> {
    const { reader, wallet } = this.#model;
    const { asset } = this.#form;
    if (reader === null || wallet === null || asset === null) return;
    const amount = await balanceOf(reader, asset, wallet.account).catch(() => null);
    // The choice may have changed while the node was thinking.
    if (this.#form.asset !== asset || this.#model.wallet?.account !== wallet.account) return;
    this.#model.balance = amount === null ? null : { of: asset, amount };
    this.#form.draw();
  }

  #place(): Place {
    const { wallet, reader } = this.#model;
    if (wallet === null || reader === null) throw new Fault("Connect your wallet first.");
    return { reader, provider: wallet.provider, config: this.config };
  }

  async #review(avoidPermit = false): Promise<void> {
    this.#form.fault(null);
    if (this.#model.wallet === null) {
      this.#bar.ask();
      return;
    }
    if (!this.#model.isReady) {
      await this.#switch();
      return;
    }
    const { choice } = this.#model;
    try {
      const intent = this.#form.intent();
      if (choice === null) return;
      this.#form.busy(true);
      const plan = await prepare(this.#place(), intent, avoidPermit);
      this.#plan = plan;
      this.#planned = choice;
      this.#form.show(false);
      this.#check.show(plan, choice);
      the("desk", HTMLDivElement).classList.add("reviewing");
    } catch (error) {
      this.#tell(explain(error), (text) => this.#form.fault(text));
    } finally {
      this.#form.busy(false);
    }
  }

  /** Says a fault where the donor looks; a wrong network gets its button at the top. */
  #tell(fault: Fault, show: (text: string) => void): void {
    show(fault.message);
    if (fault.kind === "chain") {
      say(fault, { label: `Switch to ${this.config.network}`, run: () => void this.#switch() });
    }
  }

  #back(): void {
    this.#plan = null;
    this.#check.hide();
    this.#form.show(true);
    the("desk", HTMLDivElement).classList.remove("reviewing");
    the("amount", HTMLInputElement).focus();
  }

  async #withApproval(): Promise<void> {
    this.#back();
    await this.#review(true);
  }

  async #give(): Promise<void> {
    const [plan, choice] = [this.#plan, this.#planned];
    if (plan === null || choice === null) return;
    this.#check.fault(null);
    this.#check.busy(true);
    let outcome: Outcome;
    let place: Place;
    try {
      place = this.#place();
      outcome = await give(
        place,
        plan,
        (step) => this.#check.at(step),
        (hash) => this.#check.sent(hash),
      );
    } catch (error) {
      this.#check.busy(false);
      const fault = explain(error);
      this.#tell(fault, (text) => this.#check.fault(text, fault.kind === "permit"));
      return;
    }
    this.#plan = null;
    this.#check.hide();
    say(null);
    the("desk", HTMLDivElement).hidden = true;
    document.body.classList.add("is-done");
    this.#done.show(outcome, choice, place.reader);
  }

  #again(): void {
    document.body.classList.remove("is-done");
    this.#done.hide();
    this.#form.clear();
    this.#form.show(true);
    const desk = the("desk", HTMLDivElement);
    desk.hidden = false;
    desk.classList.remove("reviewing");
    the("amount", HTMLInputElement).focus();
    void this.#refreshBalance();
    void this.#rereadCampaigns();
  }
}

loadConfig().then(
  (config) => new Page(config),
  (error: unknown) => {
    say(explain(error));
    the("list-state", HTMLParagraphElement).textContent = "";
  },
);
