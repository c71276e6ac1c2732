// What can go wrong, in words a donor can act on.

import { decodeErrorResult, type Hex, isHex } from "viem";
import { plain } from "./text";

/** A fault that is shown as it is: what happened, and how to mend it. */
export class Fault extends Error {
  constructor(
    message: string,
    readonly kind: "fault" | "rejected" | "chain" | "permit" = "fault",
  ) {
    super(message);
    this.name = "Fault";
  }
}

/** What a node or a wallet answers instead of a result. */
export class RpcError extends Error {
  constructor(
    readonly code: number,
    message: string,
    readonly data?: unknown,
  ) {
    super(message);
    this.name = "RpcError";
  }
}

export const REJECTED = 4001;
const UNSUPPORTED = new Set([4200, -32601, -32004]);
const UNKNOWN_CHAIN = 4902;

const WORDS: Record<string, string> = {
  "registry: unknown charity": "This charity is not in the registry.",
  "registry: charity is suspended":
    "This charity is suspended at the moment and cannot receive gifts or pledges. A suspension ends after 30 days at the latest, unless the charity is struck off.",
  "registry: charity is revoked": "This charity has been struck off the registry and can no longer receive gifts or pledges.",
  "registry: charity is expired": "This charity's verification has run out. It can receive gifts and pledges again once it is renewed.",
  "giving: donor is the payee": "Your wallet is the very address this charity is paid to. Connect another account to give.",
  "giving: zero amount": "The amount is zero. Enter how much you would like to give.",
  "giving: asset is not listed": "This asset is not accepted for gifts to charities any more. Choose another one.",
  "giving: charity refused the coin":
    "The charity's address does not take the network's coin. Choose a token, and the gift will arrive.",
  "giving: the asset took a fee": "This token keeps a part of every transfer, so the gift would not arrive in full. Choose another asset.",
  "giving: balance too low": "Your balance is too low for this gift.",
  "giving: allowance too low": "The token has not been released for this gift. Go back and try once more.",
  "funds: asset is not listed": "This asset is not accepted for index funds any more. Choose another one.",
  "funds: entries are stopped": "Gifts to index funds are stopped for a few days. Nothing was sent; please try again later.",
  "funds: zero amount": "The amount is zero. Enter how much you would like to give.",
  "funds: unknown fund": "This fund does not exist.",
  "funds: fund has no epoch": "This fund is not open yet: no list of charities runs in it.",
  "funds: epoch is not running": "The fund's list of charities has just changed. Load the page anew to see the new list before you give.",
  "funds: the asset took a fee": "This token keeps a part of every transfer, so the gift would not arrive in full. Choose another asset.",
  "funds: total too large": "The amount is larger than a fund can take in.",
  "campaign: not open": "This campaign takes no pledges any more: it has been decided or cancelled.",
  "campaign: deadline has passed": "This campaign's deadline has passed, so it takes no more pledges. Nothing was sent.",
  "campaign: backer is the payee": "Your wallet is the very address this campaign's charity is paid to, and it cannot back itself. Connect another account.",
  "campaign: unknown tier": "This campaign has no such NFT. Choose another one.",
  "campaign: below the price": "The amount is below the price of this NFT. Pledge more, or choose another one.",
  "campaign: tier is sold out": "This NFT is sold out. Choose another one.",
  "campaign: too much": "The amount is more than a campaign can count. Pledge less.",
  "campaign: too many pledges by one backer": "You have pledged 64 times to this campaign, the most that one account can. Use another account.",
  "campaign: the asset is short": "This token has lost a part of what was pledged before. Nothing was sent; do not pledge in it.",
  "campaign: the asset took a fee": "This token keeps a part of every transfer, so a pledge would not arrive in full.",
  "campaign: still open": "This campaign still takes pledges. It can be decided once its deadline has come.",
  "campaign: charity is suspended":
    "The campaign has reached what it needs, but its charity is suspended at the moment, so the decision has to wait: 30 days at most, unless the charity is struck off and everybody is paid back.",
  "campaign: no refund now": "Nobody is paid back at the moment: that takes a campaign that failed, or a milestone that was rejected.",
  "campaign: nothing to refund": "There is nothing to pay back to this address; it pledged nothing, or has been paid already.",
  "campaign: no milestone to vote on": "No milestone is running any more. Load the campaign anew.",
  "campaign: no milestone to settle": "No milestone is running any more. Load the campaign anew.",
  "campaign: nothing reported": "This milestone is not reported yet. The vote begins with the report.",
  "campaign: vote is over": "The vote on this milestone is over.",
  "campaign: vote is open": "Backers still vote on this milestone. It can be settled after that.",
  "campaign: a report may still come": "A report on this milestone may still come. It can be settled 180 days after its beginning.",
  "campaign: voted already": "You have voted on this milestone already.",
  "campaign: not a backer": "Only who has pledged to this campaign can vote.",
  "campaign: nothing to claim": "There is nothing to pay out at the moment. Somebody may have done it already.",
  "campaigns: asset is not listed": "What this campaign takes is not accepted any more, so it gets no more pledges. What was pledged is paid out or back as ever.",
  "campaigns: pledges are stopped": "Pledges to all campaigns are stopped for a few days. Nothing was sent; please try again later.",
  "transfers: receiver refused": "The receiver's address does not take the money. Only its owner can have it paid elsewhere.",
  "transfers: token refused": "The token refused the transfer. Your balance or your allowance may be too low.",
  "receipts: amount too large": "The amount is too large for a receipt. Give without a receipt, or give less.",
};

/** The revert reason of a failed call, wherever a wallet or a node has put it; null if there is none. */
export function revertReason(error: unknown): string | null {
  for (const part of layers(error)) {
    if (isHex(part)) {
      const reason = decodeReason(part);
      if (reason !== null) return reason;
    }
  }
  for (const part of layers(error)) {
    if (typeof part !== "string" || isHex(part)) continue;
    const found =
      /revert(?:ed)?(?: with reason string)?:? ['"]?([a-z]+: [^'"]+)['"]?/i.exec(part) ?? /^([a-z]+: [a-z0-9 ']+)$/.exec(part);
    if (found?.[1] !== undefined && !found[1].startsWith("execution")) return found[1].trim();
  }
  return null;
}

function decodeReason(data: Hex): string | null {
  if (data.length < 10) return null;
  try {
    const { errorName, args } = decodeErrorResult({ data });
    if (errorName === "Error") return String(args?.[0]);
    if (errorName === "Panic") return "the contract failed a check of its own";
    return null;
  } catch {
    return null;
  }
}

/** Every string in an error and in what it wraps, outermost first. */
function* layers(error: unknown, depth = 0): Generator<string> {
  if (depth > 6 || error === null || error === undefined) return;
  if (typeof error === "string") {
    yield error;
    return;
  }
  if (typeof error !== "object") return;
  const record = error as Record<string, unknown>;
  for (const key of ["data", "message", "reason", "details", "error", "cause", "originalError", "info"]) {
    yield* layers(record[key], depth + 1);
  }
}

export function codeOf(error: unknown): number | null {
  if (typeof error !== "object" || error === null) return null;
  const { code, cause, data } = error as Record<string, unknown>;
  if (typeof code === "number") {
    // Some wallets hide the real code one level down.
    const inner = code === -32603 ? (codeOf((data as Record<string, unknown> | undefined)?.["originalError"]) ?? null) : null;
    return inner ?? code;
  }
  return cause === undefined ? null : codeOf(cause);
}

export const isUnsupported = (error: unknown): boolean => UNSUPPORTED.has(codeOf(error) ?? 0);

export const isUnknownChain = (error: unknown): boolean => codeOf(error) === UNKNOWN_CHAIN;

/** The reason of a refused call in plain words. */
export function inWords(reason: string): string {
  const known = WORDS[reason];
  return known ?? `The contract refuses this: \u201c${plain(reason, 200)}\u201d.`;
}

/** Any error as a Fault. */
export function explain(error: unknown): Fault {
  if (error instanceof Fault) return error;
  const code = codeOf(error);
  if (code === REJECTED || code === 5000) {
    return new Fault("You declined in your wallet. Nothing was sent.", "rejected");
  }
  if (code === -32002) {
    return new Fault("Your wallet is already waiting for an answer from you. Open it, answer there, then try again.");
  }
  if (code === 4100) return new Fault("Your wallet has not allowed this page to use that account. Connect it again.");
  if (code === 4900 || code === 4901) return new Fault("Your wallet is not connected to the network. Check it and try again.");
  const reason = revertReason(error);
  if (reason !== null) return new Fault(inWords(reason));
  const message = error instanceof Error ? error.message : String((error as { message?: unknown } | null)?.message ?? error);
  if (/insufficient funds/i.test(message)) {
    return new Fault("Your wallet does not hold enough of the network's coin for the amount and the network fee.");
  }
  if (/revert/i.test(message)) return new Fault("The contract refuses this and gives no reason. Nothing was sent.");
  return new Fault(`Something went wrong: ${plain(message, 240)}`);
}
