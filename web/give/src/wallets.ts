// Wallets: found by EIP-6963, else the one at window.ethereum; spoken to by EIP-1193.

import { type Address, getAddress, isAddress, numberToHex } from "viem";
import type { Config } from "./config";
import { explain, Fault, isUnknownChain } from "./errors";
import type { Provider } from "./rpc";
import { plain } from "./text";

export interface WalletInfo {
  id: string;
  name: string;
  /** A data: address of a picture; null: none that is safe to show. */
  icon: string | null;
  provider: Provider;
}

export interface Wallet extends WalletInfo {
  account: Address;
  chainId: number;
}

interface Announcement extends Event {
  detail?: { info?: { uuid?: unknown; name?: unknown; icon?: unknown }; provider?: Provider };
}

/** Collects the wallets that announce themselves; `onFound` is told of each. */
export class Wallets {
  readonly #found = new Map<string, WalletInfo>();

  constructor(onFound: () => void) {
    window.addEventListener("eip6963:announceProvider", (event) => {
      const { info, provider } = (event as Announcement).detail ?? {};
      if (typeof info?.uuid !== "string" || typeof provider?.request !== "function") return;
      const icon = typeof info.icon === "string" && /^data:image\/(png|svg\+xml|webp|jpeg|gif)[;,]/.test(info.icon) ? info.icon : null;
      this.#found.set(info.uuid, { id: info.uuid, name: plain(String(info.name ?? ""), 40) || "Wallet", icon, provider });
      onFound();
    });
    this.ask();
  }

  /** Asks the wallets to announce themselves again. */
  ask(): void {
    window.dispatchEvent(new Event("eip6963:requestProvider"));
  }

  /** The announced wallets; where there is none, the old way's. */
  all(): WalletInfo[] {
    const announced = [...this.#found.values()];
    const old = (window as { ethereum?: Provider }).ethereum;
    if (announced.length > 0 || typeof old?.request !== "function") return announced;
    return [{ id: "window.ethereum", name: "Browser wallet", icon: null, provider: old }];
  }
}

/** Asks a wallet for its accounts. */
export async function connect(info: WalletInfo): Promise<Wallet> {
  const accounts = await info.provider.request({ method: "eth_requestAccounts" });
  return { ...info, account: firstAccount(accounts), chainId: await walletChain(info.provider) };
}

export function firstAccount(accounts: unknown): Address {
  const first = Array.isArray(accounts) ? accounts[0] : undefined;
  if (typeof first !== "string" || !isAddress(first)) {
    throw new Fault("Your wallet shares no account with this page. Unlock it and allow one account.");
  }
  return getAddress(first);
}

export const walletChain = async (provider: Provider): Promise<number> => Number(await provider.request({ method: "eth_chainId" }));

/** Asks a wallet to change to the page's network, and to learn it first where it does not know it. */
export async function switchChain(provider: Provider, config: Config): Promise<void> {
  const chainId = numberToHex(config.chainId);
  try {
    await provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId }] });
    return;
  } catch (error) {
    if (!isUnknownChain(error)) throw explain(error);
  }
  if (config.rpcUrls.length === 0) {
    throw new Fault(`Your wallet does not know ${config.network}. Add it there (chain id ${config.chainId}), then try again.`, "chain");
  }
  await provider.request({
    method: "wallet_addEthereumChain",
    params: [
      {
        chainId,
        chainName: config.network,
        nativeCurrency: { name: config.coin.symbol, ...config.coin },
        rpcUrls: config.rpcUrls,
        ...(config.explorer === null ? {} : { blockExplorerUrls: [config.explorer] }),
      },
    ],
  });
}
