// What the views share: one place that knows the state, and tells when it has changed.

import type { Asset } from "./assets";
import type { Campaign } from "./campaign";
import type { Config } from "./config";
import type { Charity, Directory, Fund } from "./directory";
import type { Reader } from "./rpc";
import type { Wallet } from "./wallets";

export type Choice = Charity | Fund | Campaign;

export class Model {
  wallet: Wallet | null = null;
  reader: Reader | null = null;
  directory: Directory | null = null;
  assets: Asset[] = [];
  choice: Choice | null = null;
  /** The tier that is chosen in a campaign, from 0. */
  tier: number | null = null;
  /** What the wallet holds, smallest unit, and of which asset; null: not known. */
  balance: { of: Asset; amount: bigint } | null = null;
  readonly #listeners: (() => void)[] = [];

  constructor(readonly config: Config) {}

  /** The wallet is there and on the page's network. */
  get isReady(): boolean {
    return this.wallet?.chainId === this.config.chainId;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
